"""How much less an hourly refresh costs than a full build, and whether both give the same rows.

    .venv/bin/python -m benchmarks.incremental --people 200000

Generates the demo company at that size, builds identity, events, sessions and features from
scratch, lands an hour of changes, refreshes an hour later, builds from scratch in another file at
the same instant, and compares every table row for row. Exit code 1 when the rows differ.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

PROJECT_DIR = Path(__file__).resolve().parent.parent
FOLDERS = ("staging", "identity", "features", "customer_360")
# The generated data ends at midnight. Features are computed as a whole once a day, after it.
FIRST, SECOND = "2026-07-01 02:00:00", "2026-07-01 03:00:00"
TARGET = 0.2
SLOWEST = 20
BOOKKEEPING = ("batch", "arrivals_batch", "run_id")  # which run a row came with is what differs
# What the ratio is of: finding the new events, and what is made of them and of all records.
MEASURED = ("stg_events__arrivals", "fct_daily_activity", "fct_sessions", "customer_feature_use")
MEASURED_FOLDERS = ("identity", "features")
out = Console()


@dataclass(frozen=True)
class Build:
    """What one build took."""

    seconds: float  # the run, without starting dbt and parsing the project
    wall: float
    models: dict[str, float]
    measured: dict[str, float]  # of those, the ones that the ratio is of


# --- the company and what happens to it in an hour ---------------------------

# Touched, together 2% of the people: 1% of the contacts edited, 0.5% of the paying customers
# invoiced and charged, 0.3% of the people who asked for help ask again, new sign-ups of 0.2% of the
# contacts; 0.1% new events of 1% of the visitors, one in ten of them up to three days late. Every
# row was loaded within the hour.
VISITORS = "hash(coalesce(user_id, anonymous_id), 7) % 100 = 0 and hash(id) % 10 = 0"
HOUR = f"timestamp '{FIRST}' + to_seconds(60 + hash({{key}}, 3) % 3000)"
INCREMENT = {
    "edited contacts": f"""
        update raw_hubspot.contact
        set property_jobtitle = 'Head of ' || coalesce(property_jobtitle, 'Everything'),
            property_lastmodifieddate = {HOUR.format(key="id")},
            _fivetran_synced = {HOUR.format(key="id")} + interval 5 minute
        where hash(id) % 100 = 0
    """,
    "new contacts": f"""
        insert into raw_hubspot.contact by name
        select * replace (
            'new-' || id as id,
            'new-' || id || '@newcomers.example' as property_email,
            'new-u' || id as property_user_id,
            null as property_associatedcompanyid,
            {HOUR.format(key="id")} as property_createdate,
            {HOUR.format(key="id")} as property_lastmodifieddate,
            {HOUR.format(key="id")} + interval 5 minute as _fivetran_synced
        )
        from raw_hubspot.contact
        where hash(id) % 500 = 1
    """,
    "their sign-ups": """
        insert into raw_segment.identifies by name
        select
            'new-i' || id as id,
            property_user_id as user_id,
            'new-a' || id as anonymous_id,
            property_email as email,
            property_createdate as timestamp,
            property_createdate + interval 2 second as received_at
        from raw_hubspot.contact
        where id like 'new-%'
    """,
    "their first events": """
        insert into raw_segment.tracks by name
        select
            'new-e' || id as id,
            'signed_up' as event,
            property_user_id as user_id,
            'new-a' || id as anonymous_id,
            property_createdate as timestamp,
            property_createdate + interval 2 second as received_at
        from raw_hubspot.contact
        where id like 'new-%'
    """,
    "new events": f"""
        insert into raw_segment.tracks by name
        select * replace (
            'new-' || id as id,
            {HOUR.format(key="id")} - case
                when hash(id, 1) % 10 = 0 then to_hours(cast(hash(id, 2) % 72 as bigint))
                else to_hours(0)
            end as timestamp,
            {HOUR.format(key="id")} + interval 3 second as received_at
        )
        from raw_segment.tracks
        where {VISITORS} and id not like 'new-%'
    """,
    "new page views": f"""
        insert into raw_segment.pages by name
        select * replace (
            'new-' || id as id,
            {HOUR.format(key="id")} as timestamp,
            {HOUR.format(key="id")} + interval 3 second as received_at
        )
        from raw_segment.pages
        where {VISITORS}
    """,
    "new invoices": f"""
        insert into raw_stripe.invoice by name
        select * replace (
            'new-' || id as id,
            {HOUR.format(key="id")} as created,
            {HOUR.format(key="id")} as period_start,
            {HOUR.format(key="id")} + interval 30 day as period_end,
            {HOUR.format(key="id")} + interval 5 minute as _fivetran_synced
        )
        from raw_stripe.invoice
        where hash(customer_id) % 200 = 0 and total > 0 and status = 'paid'
        qualify row_number() over (partition by customer_id order by created desc, id) = 1
    """,
    "payments of them": """
        insert into raw_stripe.charge by name
        select
            'new-' || id as id,
            customer_id,
            id as invoice_id,
            total as amount,
            currency,
            'succeeded' as status,
            true as paid,
            created + interval 1 minute as created
        from raw_stripe.invoice
        where id like 'new-%'
    """,
    "new tickets": f"""
        insert into raw_zendesk.ticket by name
        select * replace (
            'new-' || id as id,
            'open' as status,
            {HOUR.format(key="id")} as created_at,
            {HOUR.format(key="id")} as updated_at,
            {HOUR.format(key="id")} + interval 5 minute as _fivetran_synced
        )
        from raw_zendesk.ticket
        where hash(requester_id) % 333 = 0
        qualify row_number() over (partition by requester_id order by created_at desc, id) = 1
    """,
}


def land(folder: Path, warehouse: Path) -> None:
    """The generated Parquet files as raw tables, events in the order in which they came."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        for table in sorted(folder.iterdir()):
            system, _, name = table.name.partition("__")
            connection.execute(f"create schema if not exists raw_{system}")
            order = "order by received_at" if system == "segment" else ""
            connection.execute(
                f"create table raw_{system}.{name} as select * from '{table}/*.parquet' {order}"
            )


def land_increment(warehouse: Path) -> dict[str, int]:
    """An hour of changes; how many rows each kind came to."""
    counts = {}
    with duckdb.connect(str(warehouse)) as connection:
        for name, statement in INCREMENT.items():
            [(count,)] = connection.execute(statement).fetchall()
            counts[name] = int(count)
    return counts


def copy_raw(source: Path, warehouse: Path) -> None:
    """The raw tables of one file in another."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = 'source' and schema_name like 'raw_%' order by all"
        ).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{name} as from source.{schema}.{name}")


# --- building ----------------------------------------------------------------


def write_profile(folder: Path, memory_limit: str) -> None:
    """The project's own profile with a bound on DuckDB's memory, so that sizes can be compared."""
    profile = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())
    profile["strata"]["outputs"]["duckdb"].setdefault("settings", {})["memory_limit"] = memory_limit
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))


def build(warehouse: Path, as_of: str) -> Build:
    """`dbt build` of the measured folders, without tests.

    Raises SystemExit with dbt's words when it fails.
    """
    target = warehouse.parent / "target"
    variables = {"as_of": as_of, "demo_data": False}
    environment = {
        **os.environ,
        "STRATA_DUCKDB_PATH": str(warehouse),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(warehouse.parent / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - the project's own dbt
        [
            str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "build",
            "--exclude-resource-types", "test", "unit_test",
            "--threads", "1",  # so that models' times add up
            "--select", "path:seeds/reference", *(f"path:models/{folder}" for folder in FOLDERS),
            "--vars", json.dumps(variables), "--target", "duckdb",
            "--profiles-dir", str(warehouse.parent.parent),
        ],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr)
    results = json.loads((target / "run_results.json").read_text())
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models, measured = {}, {}
    for result in results["results"]:
        node = nodes[result["unique_id"]]
        if node["resource_type"] == "model":
            models[node["name"]] = result["execution_time"]
            if node["name"] in MEASURED or node["fqn"][1] in MEASURED_FOLDERS:
                measured[node["name"]] = result["execution_time"]
    return Build(results["elapsed_time"], time.monotonic() - started, models, measured)


# --- comparing ---------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """Rows of one table that only one of two files has."""

    table: str
    only_left: int
    only_right: int
    columns: list[str]
    examples: list[tuple[Any, ...]]


def renamed_customers(connection: duckdb.DuckDBPyConnection) -> tuple[int, bool]:
    """How many identifiers lead to a customer of another name, and whether the grouping into
    customers is the same all the same. Fills the table `renamed` with the names of either file."""
    connection.execute(
        """
        create or replace temp table pairs as
        select l.customer_id as left_id, r.customer_id as right_id, count(*) as identifiers
        from l.identity.customer_identity_map as l
        full outer join r.identity.customer_identity_map as r
            using (identifier_type, source_system, identifier_value)
        group by all
        """
    )
    connection.execute(
        """
        create or replace temp table renamed as
        select left_id as customer_id from pairs where left_id is distinct from right_id
        union select right_id from pairs where left_id is distinct from right_id
        """
    )
    [(identifiers, missing, pairs, lefts, rights)] = connection.execute(
        """
        select
            coalesce(sum(identifiers) filter (where left_id is distinct from right_id), 0),
            count(*) filter (where left_id is null or right_id is null),
            count(*), count(distinct left_id), count(distinct right_id)
        from pairs
        """
    ).fetchall()
    return int(identifiers), missing == 0 and pairs == lefts == rights


def histories(warehouse: Path) -> set[str]:
    """Tables that keep what earlier runs saw, so that no build from scratch can make them."""
    manifest = json.loads((warehouse.parent / "target" / "manifest.json").read_text())
    return {
        # Whose an actor was before stays there, for those who have not integrated it yet.
        "features.int_events__actor_visitors",
        "features.int_events__visitors",
    } | {
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["config"].get("full_refresh") is False
        or node["config"].get("materialized") == "state_table"
    }


def compare(
    left: Path, right: Path, schemas: Iterable[str], leave_out: Collection[str] = ()
) -> tuple[list[str], list[Difference]]:
    """Lines about the customers' names, and the tables whose rows differ where names agree."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{left}' as l (read_only)")
        connection.execute(f"attach '{right}' as r (read_only)")
        tables = connection.execute(
            """
            select schema_name, table_name, list(database_name order by database_name)
            from duckdb_tables()
            where database_name in ('l', 'r') and schema_name in (select unnest(?))
            group by all order by all
            """,
            [list(schemas)],
        ).fetchall()
        identifiers, same = renamed_customers(connection)
        lines = [
            f"Identifiers whose customer has another name: {identifiers:,}; the grouping into "
            f"customers is {'the same' if same else 'NOT the same'}."
        ]
        differences = [] if same else [Difference("who is whom", identifiers, identifiers, [], [])]
        for schema, name, where in tables:
            table = f"{schema}.{name}"
            if table in leave_out:
                lines.append(f"{table} is a history and not compared.")
            elif where != ["l", "r"]:
                lines.append(f"{table} is in one of the files only.")
            elif found := _difference(connection, schema, name):
                differences.append(found)
        lines.append(f"Tables looked at: {len(tables)}.")
        return lines, differences


def _difference(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Difference | None:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = 'l' and schema_name = ? and table_name = ? order by column_index",
        [schema, name],
    ).fetchall()
    columns = [(column, kind) for column, kind in columns if column not in BOOKKEEPING]
    names = [column for column, _ in columns]
    # Sums of floating-point numbers depend on the order in which threads add them up.
    selected = [
        f'round("{column}", 6) as "{column}"' if kind in ("DOUBLE", "FLOAT") else f'"{column}"'
        for column, kind in columns
    ]
    where = (
        "where customer_id is null or customer_id not in (from renamed)"
        if "customer_id" in names
        else ""
    )
    sides = [f"select {', '.join(selected)} from {side}.{schema}.{name} {where}" for side in "lr"]
    sums = ", ".join(f'sum(hash("{column}")::hugeint)' for column in names)
    checks = [
        connection.execute(f"select count(*), sum(hash(t)::hugeint), {sums} from ({side}) as t")
        .fetchall()[0]
        for side in sides
    ]  # fmt: skip
    if checks[0][:2] == checks[1][:2]:
        return None
    only = [f"from ({sides[one]}) except all from ({sides[1 - one]})" for one in (0, 1)]
    [(only_left,)] = connection.execute(f"select count(*) from ({only[0]})").fetchall()
    [(only_right,)] = connection.execute(f"select count(*) from ({only[1]})").fetchall()
    pairs = zip(names, checks[0][2:], checks[1][2:], strict=True)
    return Difference(
        f"{schema}.{name}",
        int(only_left),
        int(only_right),
        [column for column, one, other in pairs if one != other],
        connection.execute(
            f"select * from (select 'refreshed', * from ({only[0]}) limit 3) "
            f"union all select * from (select 'rebuilt', * from ({only[1]}) limit 3)"
        ).fetchall(),
    )


# --- the command -------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incremental", description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--events-per-person", type=float, default=60)
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / "target" / "benchmark")
    parser.add_argument("--jobs", type=int, default=2, help="processes that generate")
    parser.add_argument("--memory-limit", default="8GB", help="of DuckDB; default 8GB")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve() / str(options.people)
    shutil.rmtree(folder, ignore_errors=True)
    write_profile(folder, options.memory_limit)

    out.print(f"{options.people:,} people: generating and landing")
    subprocess.run(  # noqa: S603 - the project's own generator
        [
            sys.executable, "-m", "orchestration.demo.generate", "--format", "parquet",
            "--people", str(options.people), "--jobs", str(options.jobs),
            "--events-per-person", str(options.events_per_person),
            "--out", str(folder / "parquet"),
        ],
        cwd=PROJECT_DIR,
        check=True,
    )  # fmt: skip
    refreshed, rebuilt = (folder / one / "strata.duckdb" for one in ("refreshed", "rebuilt"))
    land(folder / "parquet", refreshed)
    with duckdb.connect(str(refreshed), read_only=True) as connection:
        [(events,)] = connection.execute(
            "select (select count(*) from raw_segment.tracks)"
            " + (select count(*) from raw_segment.pages)"
            " + (select count(*) from raw_segment.identifies)"
        ).fetchall()

    out.print(f"{events:,} events. First build, as of {FIRST}")
    first = build(refreshed, FIRST)
    counts = land_increment(refreshed)
    out.print("Landed: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    copy_raw(refreshed, rebuilt)
    out.print(f"Refresh, as of {SECOND}")
    refresh = build(refreshed, SECOND)
    out.print(f"Build from scratch, as of {SECOND}")
    scratch = build(rebuilt, SECOND)
    _print_times(first, scratch, refresh)

    lines, differences = compare(refreshed, rebuilt, FOLDERS, histories(refreshed))
    for line in lines:
        out.print(line, highlight=False)
    for one in differences:
        out.print(
            f"[red]{one.table} differs[/]: {one.only_left:,} rows only after the refresh, "
            f"{one.only_right:,} only from scratch; columns: {', '.join(one.columns)}",
            highlight=False,
            soft_wrap=True,
        )
        for example in one.examples:
            out.print(f"    {example}", highlight=False, markup=False, soft_wrap=True)
    if not differences:
        out.print("[green]Every row is the same.[/]")
    return 1 if differences else 0


def _print_times(first: Build, scratch: Build, refresh: Build) -> None:
    table = Table(title=f"Seconds, the {SLOWEST} models slowest to refresh", title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("first build", "from scratch", "refresh", "refresh / scratch"):
        table.add_column(name, justify="right")
    slowest = sorted(refresh.models, key=lambda name: -refresh.models[name])[:SLOWEST]
    for name in slowest:
        full, hourly = scratch.models[name], refresh.models.get(name, 0.0)
        table.add_row(
            name,
            f"{first.models.get(name, 0.0):.2f}",
            f"{full:.2f}",
            f"{hourly:.2f}",
            f"{hourly / full:.0%}" if full else "",
        )
    builds = (first, scratch, refresh)
    for name, seconds in (
        (f"{len(refresh.measured)} of identity, events, features", [_sum(one) for one in builds]),
        ("the whole run", [one.seconds for one in builds]),
    ):
        table.add_section()
        table.add_row(name, *(f"{one:.2f}" for one in seconds), f"{seconds[2] / seconds[1]:.0%}")
    ratio = _sum(refresh) / _sum(scratch)
    table.add_row(
        "with starting dbt", f"{first.wall:.2f}", f"{scratch.wall:.2f}", f"{refresh.wall:.2f}", ""
    )
    out.print(table)
    verdict = "[green]within[/]" if ratio <= TARGET else "[yellow]over[/]"
    out.print(
        f"Identity, events and features cost {ratio:.1%} of their full build: "
        f"{verdict} the target of {TARGET:.0%}.",
        highlight=False,
    )


def _sum(build: Build) -> float:
    """Seconds of the models that are measured, one after the other."""
    return sum(build.measured.values())


if __name__ == "__main__":
    sys.exit(main())
