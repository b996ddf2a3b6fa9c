"""What the segment engine costs beside the work itself: evaluation and history of many members.

    .venv/bin/python -m benchmarks.segments --customers 1000000

Fills customer_360 with made-up customers and the project with 100 made-up segments, evaluates and
publishes them, changes 1% of the customers and publishes again. Beside each step runs the plainest
statement that does the same work: one scan per segment for the evaluation, one full outer join of
candidates and members for the history.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

PROJECT_DIR = Path(__file__).resolve().parent.parent
FIRST, SECOND = "2026-07-01 02:00:00", "2026-07-01 03:00:00"
EVALUATION_TARGET, HISTORY_TARGET = 1.5, 2.0
NO_SOURCES = dict.fromkeys(("crm", "billing", "events", "support", "survey"), "none")
COPIED = ("models", "macros", "seeds", "tests/data", "tests/macros", "dbt_project.yml")
out = Console()

TEXTS = {
    "country": ["US", "DE", "FR", "GB", "CA", "JP", "BR", "IN"],
    "plan": ["solo", "team", "business", "enterprise"],
    "lifecycle_stage": ["lead", "opportunity", "customer", "evangelist"],
}
# The columns that rules name, with how customers come by them: about as a company's do.
COLUMNS = {
    name: f"{values}[cast(1 + hash(i, {number}) % {len(values)} as bigint)]"
    for number, (name, values) in enumerate(TEXTS.items())
} | {
    "mrr": "(hash(i, 4) % 50000) / 100",
    "lifetime_revenue": "(hash(i, 5) % 1000000) / 100",
    "purchase_count": "hash(i, 6) % 40",
    "rfm_recency_days": "hash(i, 7) % 400",
    "active_days_last_28": "hash(i, 8) % 29",
    "session_count": "hash(i, 9) % 300",
    "nps_score": "case when hash(i, 10) % 3 = 0 then hash(i, 11) % 11 end",
    "open_ticket_count": "hash(i, 12) % 4",
    "health_score": "(hash(i, 13) % 1001) / 100",
}
NUMBERS = {
    "mrr": 500,
    "lifetime_revenue": 10_000,
    "purchase_count": 40,
    "rfm_recency_days": 400,
    "active_days_last_28": 29,
    "session_count": 300,
    "nps_score": 11,
    "open_ticket_count": 4,
    "health_score": 10,
}
SEGMENT = """{{% macro segment__{id}() %}}
    {{{{- return(segment(
        label='{id}',
        description='Of the benchmark.',
        type='behavioural',
        owner='benchmark@strata.example',
        conditions={conditions},
    )) -}}}}
{{% endmacro %}}
"""


def definitions(count: int) -> dict[str, dict[str, str]]:
    """Made-up rules by id: a number above or below something, and a text or another number.

    The first have the ids of the segments that audiences are of, which must exist.
    """
    dice = random.Random(5)  # noqa: S311 - the same rules every time
    audiences = (PROJECT_DIR / "models" / "activation").glob("audience_*.sql")
    names = sorted(set(re.findall(r"segment='(\w+)'", "".join(map(Path.read_text, audiences)))))
    rules = {}
    for number in range(count):
        column, other = dice.sample(sorted(NUMBERS), 2)
        first = f"c.{column} >= {dice.uniform(0.3, 0.8) * NUMBERS[column]:.2f}"
        if number % 2:
            text = dice.choice(sorted(TEXTS))
            second = f"c.{text} in {tuple(dice.sample(TEXTS[text], 2))}"
        else:
            second = f"c.{other} < {dice.uniform(0.2, 0.7) * NUMBERS[other]:.2f}"
        name = names[number] if number < len(names) else f"made_up_{number:03}"
        rules[name] = {"first": first, "second": second}
    return rules


def copy_project(folder: Path, rules: dict[str, dict[str, str]]) -> Path:
    """The project with these segments in place of its own."""
    for name in COPIED:
        source = PROJECT_DIR / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    shutil.rmtree(folder / "macros" / "segments")
    target = folder / "macros" / "segments" / "behavioural"
    target.mkdir(parents=True)
    for name, conditions in rules.items():
        (target / f"{name}.sql").write_text(SEGMENT.format(id=name, conditions=conditions))
    profile = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())
    profile["strata"]["outputs"]["duckdb"].setdefault("settings", {})["memory_limit"] = "8GB"
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return folder


def run_dbt(project: Path, warehouse: Path, as_of: str, *select: str) -> dict[str, float]:
    """`dbt build` of the selected nodes without tests; seconds by model.

    Raises SystemExit with dbt's words when it fails.
    """
    variables: dict[str, Any] = {"as_of": as_of, "demo_data": False, "strata_sources": NO_SOURCES}
    target = warehouse.parent / "target"
    done = subprocess.run(  # noqa: S603 - the project's own dbt
        [
            str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "build",
            "--exclude-resource-types", "test", "unit_test", "--threads", "1",
            "--vars", json.dumps(variables), "--target", "duckdb",
            "--project-dir", str(project), "--profiles-dir", str(project), "--select", *select,
        ],
        env={
            **os.environ,
            "STRATA_DUCKDB_PATH": str(warehouse),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(warehouse.parent / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr)
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {one["unique_id"].split(".")[-1]: one["execution_time"] for one in results}


def fill(warehouse: Path, customers: int) -> None:
    """Made-up customers in the columns of the 360 as the project made them; the rest is null."""
    with duckdb.connect(str(warehouse)) as connection:
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = 'customer_360'"
            " and table_name = 'customer_360' order by column_index"
        ).fetchall()
        made = {"customer_id": "'cus_' || md5(i::varchar)[:20]", **COLUMNS}
        selected = ", ".join(
            f"cast({made.get(name, 'null')} as {kind}) as {name}" for name, kind in columns
        )
        connection.execute(
            "create or replace table customer_360.customer_360 as "
            f"select {selected} from range({customers}) as numbers (i)"
        )


def change(warehouse: Path, share: float) -> None:
    """Other values for a share of the customers, in every column that a rule may name."""
    bound = int(share * 10_000)
    changed = ", ".join(
        f"{name} = cast({rule.replace('hash(i', 'hash(customer_id')} as {kind})"
        for name, rule, kind in (
            (name, rule, "varchar" if name in TEXTS else "double") for name, rule in COLUMNS.items()
        )
    )
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            f"update customer_360.customer_360 set {changed} "
            f"where hash(customer_id, 99) % 10000 < {bound}"
        )


def timed(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    """Seconds of a statement, the better of two."""
    seconds = []
    for _ in range(2):
        started = time.monotonic()
        connection.execute(statement).fetchall()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def reference_evaluation(warehouse: Path, rules: dict[str, dict[str, str]]) -> float:
    """The members as one scan per segment, written to a table."""
    scans = " union all ".join(
        f"select '{name}' as segment_id, 'customer' as entity, c.customer_id as entity_id "
        f"from customer_360.customer_360 as c where {' and '.join(conditions.values())}"
        for name, conditions in rules.items()
    )
    with duckdb.connect(str(warehouse), config={"threads": 2, "memory_limit": "8GB"}) as connection:
        seconds = timed(connection, f"create or replace table main.by_hand as {scans}")
        [(missing,)] = connection.execute(
            "select count(*) from (select segment_id, entity_id from main.by_hand except "
            "select segment_id, entity_id from segments.segment_candidates)"
        ).fetchall()
        [(ours, theirs)] = connection.execute(
            "select (select count(*) from segments.segment_candidates), "
            "(select count(*) from main.by_hand)"
        ).fetchall()
        connection.execute("drop table main.by_hand")
    if missing or ours != theirs:
        sys.exit(f"The engine found {ours:,} members and the plain statement {theirs:,}.")
    out.print(f"{ours:,} members in {len(rules)} segments, the same by hand.", highlight=False)
    return seconds


def reference_history(warehouse: Path) -> float:
    """A full outer join of candidates and current members, counted."""
    with duckdb.connect(str(warehouse), config={"threads": 2, "memory_limit": "8GB"}) as connection:
        return timed(
            connection,
            """
            select
                count(case when members.entity_id is null then 1 end),
                count(case when candidates.entity_id is null then 1 end)
            from segments.segment_candidates as candidates
            full outer join (
                from segments.segment_membership_history where valid_to is null
            ) as members
                on candidates.segment_id = members.segment_id
                and candidates.entity_id = members.entity_id
            """,
        )


def main(arguments: list[str] | None = None) -> int:
    """The command; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segments", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument(
        "--changed", type=float, default=0.01, help="share of customers that change"
    )
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / "target" / "benchmark")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve() / f"segments_{options.customers}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "project").mkdir(parents=True)
    rules = definitions(options.segments)
    project = copy_project(folder / "project", rules)
    warehouse = folder / "strata.duckdb"

    out.print("Building the project over no sources")
    run_dbt(project, warehouse, FIRST, "path:models", "path:seeds/reference")
    fill(warehouse, options.customers)
    engine = ("segment_registry", "segment_candidates", "segment_verdicts")
    publish = "segment_membership_history"
    out.print(f"Publishing {options.segments} segments of {options.customers:,} customers")
    first = run_dbt(project, warehouse, FIRST, *engine, publish)
    change(warehouse, options.changed)
    out.print(f"Publishing again after {options.changed:.0%} of the customers changed")
    candidates = run_dbt(project, warehouse, SECOND, *engine)["segment_candidates"]
    by_join = reference_history(warehouse)
    history = run_dbt(project, warehouse, SECOND, publish)[publish]
    by_hand = reference_evaluation(warehouse, rules)

    table = Table(title="Seconds (DuckDB, two threads, 8 GB)", title_justify="left")
    for name in ("", "Strata", "the plain statement", "ratio", "target"):
        table.add_column(name, justify="left" if not name else "right")
    met = True
    for name, ours, theirs, target in (
        ("evaluation", candidates, by_hand, EVALUATION_TARGET),
        ("history after the change", history, by_join, HISTORY_TARGET),
    ):
        met = met and ours <= target * theirs
        table.add_row(
            name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}", f"at most {target}"
        )
    table.add_row("first evaluation", f"{first['segment_candidates']:.2f}", "", "", "")
    table.add_row("first history", f"{first[publish]:.2f}", "", "", "")
    out.print(table)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
