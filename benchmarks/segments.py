"""What the segment engine costs beside the work itself: evaluation and history of many members.

    .venv/bin/python -m benchmarks.segments --customers 1000000
    .venv/bin/python -m benchmarks.segments --customers 1000000 --tools

Fills customer_360 with made-up customers and the project with 100 made-up segments, evaluates and
publishes them. Then, in each of several rounds, it changes 1% of the customers and publishes
again, an hour later. Beside each step runs the statement that does the same work and nothing
else; seconds are medians over the rounds. `--tools` measures the commands of docs/segment-tools.md
at 10,000 customers and at this many instead.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

PROJECT_DIR = Path(__file__).resolve().parent.parent
FIRST = datetime(2026, 7, 1, 2)
EVALUATION_TARGET, HISTORY_TARGET = 1.5, 2.0
MEMORY = "8GB"
NO_SOURCES = dict.fromkeys(("crm", "billing", "events", "support", "survey"), "none")
COPIED = (
    "models", "macros", "seeds", "orchestration", "tests/data", "tests/macros", "dbt_project.yml",
)  # fmt: skip
EVALUATE = ("segment_registry", "segment_evaluation", "segment_candidates", "segment_verdicts")
# What makes the history of a run out of its evaluation and verdicts.
PUBLISH = ("int_segments__moves", "segment_membership_history")
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
        conditions={{{conditions}}},
        {settings}
    )) -}}}}
{{% endmacro %}}
"""


@dataclass(frozen=True)
class Rule:
    """A made-up segment, and its rule as somebody would write it into one statement."""

    conditions: Mapping[str, str]
    by_hand: str
    settings: str = ""

    def file(self, name: str) -> str:
        """The segment's file."""
        listed = ", ".join(
            f"'{key}': {sql if sql.startswith('in_segment(') else repr(sql)}"
            for key, sql in self.conditions.items()
        )
        return SEGMENT.format(id=name, conditions=listed, settings=self.settings)


def definitions(count: int) -> dict[str, Rule]:
    """Made-up rules by id: a number above or below something, and a text or another number.

    The first have the ids of the segments that audiences are of, which must exist. Of the last
    five, three are a priority group and two refer to another segment.
    """
    dice = random.Random(5)  # noqa: S311 - the same rules every time
    audiences = (PROJECT_DIR / "models" / "activation").glob("audience_*.sql")
    names = sorted(set(re.findall(r"segment='(\w+)'", "".join(map(Path.read_text, audiences)))))
    names += [f"made_up_{number:03}" for number in range(len(names), count)]
    rules: dict[str, Rule] = {}
    for number in range(count):
        column, other = dice.sample(sorted(NUMBERS), 2)
        first = f"c.{column} >= {dice.uniform(0.3, 0.8) * NUMBERS[column]:.2f}"
        if number % 2:
            text = dice.choice(sorted(TEXTS))
            second = f"c.{text} in {tuple(dice.sample(TEXTS[text], 2))}"
        else:
            second = f"c.{other} < {dice.uniform(0.2, 0.7) * NUMBERS[other]:.2f}"
        name = names[number]
        place = number - (count - 5)
        if place in (0, 1, 2):
            rivals = [rules[names[number - back]].conditions for back in range(1, place + 1)]
            lost = [f"({' and '.join(rival.values())}) is not true" for rival in rivals]
            rules[name] = Rule(
                {"first": first, "second": second},
                " and ".join([first, second, *lost]),
                f"priority_group='made_up', priority={place + 1},",
            )
        elif place in (3, 4):
            whole = rules[names[0]].by_hand
            rules[name] = Rule(
                {"first": first, "second": f"in_segment('{names[0]}')"}, f"{first} and {whole}"
            )
        else:
            rules[name] = Rule({"first": first, "second": second}, f"{first} and {second}")
    return rules


def copy_project(folder: Path, rules: Mapping[str, Rule]) -> Path:
    """The project with these segments in place of its own."""
    for name in COPIED:
        source = PROJECT_DIR / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    shutil.rmtree(folder / "macros" / "segments")
    target = folder / "macros" / "segments" / "behavioural"
    target.mkdir(parents=True)
    for name, rule in rules.items():
        (target / f"{name}.sql").write_text(rule.file(name))
    profile = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())
    profile["strata"]["outputs"]["duckdb"].setdefault("settings", {})["memory_limit"] = MEMORY
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return folder


# A process is charged with the memory of the one that started it. This one is small.
LAUNCHER = """
import json, os, subprocess, sys, time
started = time.monotonic()
process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    json.dump([time.monotonic() - started, usage.ru_maxrss / 1024], file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_command(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[float, float]:
    """Seconds of a command and the most memory it held, in MB.

    Raises SystemExit with its words when it fails.
    """
    with tempfile.NamedTemporaryFile() as usage:
        done = subprocess.run(  # noqa: S603 - the project's own commands
            [sys.executable, "-c", LAUNCHER, usage.name, *command],
            cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stdout[-4000:]}{done.stderr[-4000:]}")
        seconds, mebibytes = json.loads(Path(usage.name).read_text())
    return seconds, mebibytes


class Seconds(NamedTuple):
    """Elapsed, and of all cores together: the latter whatever else the machine does meanwhile."""

    elapsed: float
    cpu: float


def run_dbt(
    project: Path, warehouse: Path, as_of: datetime, *select: str
) -> tuple[dict[str, Seconds], float]:
    """`dbt build` of the selected nodes without tests: seconds by model, and peak memory in MB.

    Raises SystemExit with dbt's words when it fails.
    """
    variables: dict[str, Any] = {
        "as_of": f"{as_of}",
        "run_id": f"{as_of}",  # the steps of one round are one run
        "demo_data": False,
        "strata_sources": NO_SOURCES,
    }
    target = warehouse.parent / "target"
    with tempfile.NamedTemporaryFile() as file:
        _, peak = run_command(
            [
                sys.executable, "-m", "benchmarks.dbt_seconds", file.name, "--no-use-colors",
                "build", "--exclude-resource-types", "test", "unit_test", "--threads", "1",
                "--vars", json.dumps(variables), "--target", "duckdb",
                "--project-dir", str(project), "--profiles-dir", str(project),
                "--select", *select,
            ],
            PROJECT_DIR,
            {
                "STRATA_DUCKDB_PATH": str(warehouse),
                "DBT_TARGET_PATH": str(target),
                "DBT_LOG_PATH": str(warehouse.parent / "logs"),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
        )  # fmt: skip
        seconds = json.loads(Path(file.name).read_text())
    return {name: Seconds(*one) for name, one in seconds.items()}, peak


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


def change(warehouse: Path, share: float, number: int) -> None:
    """Other values for a share of the customers, in every column that a rule may name.

    Other customers and values for each number.
    """
    bound = int(share * 10_000)
    salted = f"hash({number}, customer_id"
    changed = ", ".join(
        f"{name} = cast({rule.replace('hash(i', salted)} as {kind})"
        for name, rule, kind in (
            (name, rule, "varchar" if name in TEXTS else "double") for name, rule in COLUMNS.items()
        )
    )
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            f"update customer_360.customer_360 set {changed} where {salted}, 99) % 10000 < {bound}"
        )


def timed(warehouse: Path, statement: str) -> tuple[Seconds, list[Any]]:
    """Seconds of a statement and its rows; opened anew, as dbt opens it for each run."""
    with duckdb.connect(str(warehouse), config={"memory_limit": MEMORY}) as connection:
        started, cpu_started = time.monotonic(), time.process_time()
        rows = connection.execute(statement).fetchall()
        return Seconds(time.monotonic() - started, time.process_time() - cpu_started), rows


def evaluations_by_hand(rules: Mapping[str, Rule]) -> dict[str, str]:
    """The statements that write the members down: a scan for each segment, and one for all."""
    scans = " union all ".join(
        f"select '{name}' as segment_id, 'customer' as entity, c.customer_id as entity_id "
        f"from customer_360.customer_360 as c where {rule.by_hand}"
        for name, rule in rules.items()
    )
    cases = ", ".join(f"case when {rule.by_hand} then '{name}' end" for name, rule in rules.items())
    unnested = (
        "select segment_id, 'customer' as entity, entity_id from (select c.customer_id as "
        f"entity_id, unnest([{cases}]) as segment_id from customer_360.customer_360 as c) as found "
        "where segment_id is not null"
    )
    return {"a scan for each segment": scans, "one scan": unnested}


def compared(candidates: str, members: str) -> str:
    """How many are only in the one and only in the other, by a full outer join."""
    return (
        "select count(case when members.entity_id is null then 1 end), "
        "count(case when candidates.entity_id is null then 1 end), count(*) "
        f"from {candidates} as candidates full outer join {members} as members "
        "on candidates.segment_id = members.segment_id "
        "and candidates.entity_id = members.entity_id"
    )


def differing(candidates: str, members: str) -> str:
    """Who is only in the one or only in the other: what an update of the history begins with."""
    return (
        "select coalesce(candidates.segment_id, members.segment_id) as segment_id, "
        "coalesce(candidates.entity_id, members.entity_id) as entity_id, "
        "members.entity_id is null as is_entering "
        f"from {candidates} as candidates full outer join {members} as members "
        "on candidates.segment_id = members.segment_id "
        "and candidates.entity_id = members.entity_id "
        "where candidates.entity_id is null or members.entity_id is null"
    )


CANDIDATES = "segments.segment_candidates"
MEMBERS = "(from segments.segment_membership_history where valid_to is null)"


def check_same(warehouse: Path, what: str, one: str, other: str) -> int:
    """The number of members, if both have the same, each once. Stops otherwise."""
    _, [(only_one, only_other, together)] = timed(warehouse, compared(one, other))
    _, [(ours, theirs)] = timed(
        warehouse, f"select (select count(*) from {one}), (select count(*) from {other})"
    )
    if only_one or only_other or not ours == theirs == together:
        sys.exit(f"{what}: {ours:,} members, and {theirs:,} by hand.")
    return int(ours)


def prepare(
    folder: Path, rules: Mapping[str, Rule], customers: int, warehouse: Path
) -> tuple[Path, dict[str, Seconds], float]:
    """The project over no sources, made-up customers, and their segments published once.

    Returns the project's folder, and seconds and peak memory (MB) of the first publication.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "project").mkdir(parents=True)
    project = copy_project(folder / "project", rules)
    out.print("Building the project over no sources")
    run_dbt(project, warehouse, FIRST, "path:models", "path:seeds/reference")
    fill(warehouse, customers)
    out.print(f"Publishing {len(rules)} segments of {customers:,} customers")
    return project, *run_dbt(project, warehouse, FIRST, *EVALUATE, *PUBLISH)


def measure(
    project: Path, warehouse: Path, rules: Mapping[str, Rule], number: int, share: float
) -> tuple[dict[str, Seconds], float]:
    """One round: some customers change, and everything is evaluated and published again.

    Returns seconds of each step and statement, and the peak memory of dbt in MB.
    """
    as_of = FIRST + timedelta(hours=number)
    change(warehouse, share, number)
    engine, peak = run_dbt(project, warehouse, as_of, *EVALUATE)
    seconds = {"evaluation": engine["segment_evaluation"], "verdicts": engine["segment_verdicts"]}
    for name, statement in evaluations_by_hand(rules).items():
        written = f"create or replace table main.by_hand as {statement}"
        seconds[name], _ = timed(warehouse, written)
        found = check_same(warehouse, "The evaluation", CANDIDATES, "main.by_hand")
        timed(warehouse, "drop table main.by_hand")
    seconds["full outer join"], _ = timed(
        warehouse, f"create or replace table main.differing as {differing(CANDIDATES, MEMBERS)}"
    )
    timed(warehouse, "drop table main.differing")
    seconds["full outer join, only counted"], [(enter, leave, _)] = timed(
        warehouse, compared(CANDIDATES, MEMBERS)
    )
    engine, publishing_peak = run_dbt(project, warehouse, as_of, *PUBLISH)
    seconds["history"] = Seconds(
        *(sum(part) for part in zip(*(engine[name] for name in PUBLISH), strict=True))
    )
    check_same(warehouse, "The history", CANDIDATES, MEMBERS)
    _, [(entered, left)] = timed(
        warehouse,
        f"select count(case when valid_from = '{as_of}' then 1 end), "
        f"count(case when valid_to = '{as_of}' then 1 end) "
        "from segments.segment_membership_history",
    )
    if (entered, left) != (enter, leave):
        sys.exit(f"The history: {entered:,} entered and {left:,} left, not {enter:,} and {leave:,}")
    ratios = ", ".join(
        f"{name} {seconds[name].elapsed / seconds[other].elapsed:.2f} times"
        for name, other in (("evaluation", "one scan"), ("history", "full outer join"))
    )
    out.print(
        f"Round {number}: {found:,} members, the same by hand; {entered:,} entered, {left:,} left; "
        f"{ratios}",
        highlight=False,
        soft_wrap=True,
    )
    return seconds, max(peak, publishing_peak)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segments", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--changed", type=float, default=0.01, help="share of customers that change in each round"
    )
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / "target" / "benchmark")
    parser.add_argument("--tools", action="store_true", help="measure the segment tools instead")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve()
    rules = definitions(options.segments)
    if options.tools:
        from benchmarks.segment_tools import compare_tools

        compare_tools(folder, rules, [10_000, options.customers])
        return 0
    folder = folder / f"segments_{options.customers}"
    warehouse = folder / "strata.duckdb"
    project, first, first_peak = prepare(folder, rules, options.customers, warehouse)
    rounds, peaks = zip(
        *(
            measure(project, warehouse, rules, number, options.changed)
            for number in range(1, options.rounds + 1)
        ),
        strict=True,
    )
    medians = {
        name: Seconds(*map(median, zip(*(one[name] for one in rounds), strict=True)))
        for name in rounds[0]
    }
    by_hand = min(evaluations_by_hand(rules), key=medians.__getitem__)
    [other_form] = set(evaluations_by_hand(rules)) - {by_hand}
    # Each step, the statement it is measured by and its target; others are for comparison.
    steps = [
        ("evaluation", by_hand, EVALUATION_TARGET),
        ("evaluation", other_form, None),
        ("history", "full outer join", HISTORY_TARGET),
        ("history", "full outer join, only counted", None),
    ]
    met = True
    for number, kind in enumerate(("elapsed", "of CPU")):
        table = Table(title=f"Seconds {kind}, medians (DuckDB)", title_justify="left")
        for name in ("", "Strata", "by hand", "ratio", "target", "by hand is"):
            table.add_column(name, justify="right" if name not in ("", "by hand is") else "left")
        for name, reference, target in steps:
            ratio = median(one[name][number] / one[reference][number] for one in rounds)
            met = met and (target is None or ratio <= target or kind != "elapsed")
            table.add_row(
                name, f"{medians[name][number]:.2f}", f"{medians[reference][number]:.2f}",
                f"{ratio:.2f}", f"at most {target}" if target else "", reference,
            )  # fmt: skip
        table.add_row("verdicts", f"{medians['verdicts'][number]:.2f}")
        table.add_row("first evaluation", f"{first['segment_evaluation'][number]:.2f}")
        table.add_row("first history", f"{first['segment_membership_history'][number]:.2f}")
        out.print(table)
    out.print(
        f"dbt and DuckDB together held {max(peaks) / 1024:.1f} GB at most in a round, "
        f"{first_peak / 1024:.1f} GB in the first publication; DuckDB may use {MEMORY}.",
        soft_wrap=True,
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
