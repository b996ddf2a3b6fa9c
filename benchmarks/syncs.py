"""How fast a sync delivers through its ledger, and what its plan costs, against references.

    .venv/bin/python -m benchmarks.syncs --members 1000000

Everything runs against one local endpoint, which reads each batch and answers 200, in a process and
on a core of its own; each sender is a process on the other core.

1. All members are new and are delivered; then 1% changes and is delivered. Rows a second, and the
   most memory, of this size and of a tenth of it.
2. The same rows, endpoint and batch size with drt-core, which keeps no ledger: in requests of as
   many rows, and in its default of a request for each.
3. The plan of the change of 1% against a bare full outer join of audience and ledger, medians.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from orchestration.activation import ledger
from orchestration.activation.audience import read_audience
from orchestration.activation.exposures import MappedField, Sync
from orchestration.activation.plan import write_plan
from orchestration.activation.runner import run_sync
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.lease import leases
from orchestration.project import PROJECT_DIR
from orchestration.warehouse import duckdb_engine

ROWS_A_SECOND, DRT_RATIO, PLAN_RATIO = 5_000, 10, 2.0
SECRET_NAME, SECRET = "STRATA_BENCHMARK_SECRET", "whsec_c3RyYXRhLWJlbmNobWFyay1zZWNyZXQ="
AS_OF = datetime(2026, 7, 1)
ROUNDS = 9

out = Console(width=120)

AUDIENCE = """
    create table activation.audience_champions as
    select
        'cus_' || substr(md5(number::varchar), 1, 20) as entity_key,
        md5('payload ' || number) as payload_hash,
        'person' || number || '@example.com' as email,
        'First' || number % 1000 as first_name,
        'Last' || number % 5000 as last_name,
        ['solo', 'team', 'business'][1 + number % 3] as plan,
        cast(number % 100000 / 7.0 as decimal(18, 2)) as lifetime_revenue
    from range({members}) as numbers (number)
"""
# Of a thousand members four leave, four change and two come.
CHANGES = (
    "delete from activation.audience_champions where hash(entity_key, 1) % 1000 < 4",
    "update activation.audience_champions set payload_hash = md5(payload_hash), plan = 'changed' "
    "where hash(entity_key, 2) % 1000 < 4",
    "insert into activation.audience_champions select 'new_' || number, md5('new ' || number), "
    "'new' || number || '@example.com', 'New', 'Person', 'solo', 1 "
    "from range({members} // 500) as numbers (number)",
)
OUTER_JOIN = """
    select
        count(case when a.entity_key is null then 1 end),
        count(case when l.entity_key is null then 1 end),
        count(case when a.payload_hash <> l.acknowledged_hash then 1 end)
    from activation.audience_champions as a
    full outer join activation.sync_ledger as l on a.entity_key = l.entity_key
"""


def sync_to(url: str, batch_size: int, mapping: tuple[MappedField, ...] = ()) -> Sync:
    """The sync of the benchmark's audience."""
    return Sync(
        name="sync_champions",
        owner_name="Growth",
        owner_email="growth@tallyworks.example",
        audience_node="",
        audience_schema="activation",
        audience_table="audience_champions",
        destination="webhook",
        mode="mirror",
        settings=WebhookSettings(url=url, secret_env=SECRET_NAME),
        batch_size=batch_size,
        mapping=mapping,
        max_change_share=100.0,
    )


def make_warehouse(path: Path, members: int) -> None:
    """A DuckDB file with an audience and empty ledgers."""
    path.unlink(missing_ok=True)
    engine = duckdb_engine(path)
    with engine.begin() as connection:
        for schema in ("activation", "operations"):
            connection.exec_driver_sql(f"create schema {schema}")
        connection.exec_driver_sql(AUDIENCE.format(members=members))
    ledger.metadata.create_all(engine, checkfirst=False)
    leases.create(engine)


def change_warehouse(path: Path, members: int) -> None:
    """An hour later: about 1% of the members are not what they were."""
    with duckdb_engine(path).begin() as connection:
        for statement in CHANGES:
            connection.exec_driver_sql(statement.format(members=members))


def deliver(path: Path, url: str, batch_size: int) -> dict[str, float]:
    """Deliver in this process; rows, seconds and the most memory in bytes."""
    started = time.perf_counter()
    # What DuckDB may keep in memory is a setting; what is measured is the rest.
    report = run_sync(
        duckdb_engine(path, {"memory_limit": "500MB"}),
        sync_to(url, batch_size),
        run_id="benchmark",
        as_of=AS_OF,
    )
    return {
        "rows": report.added + report.changed + report.removed,
        "seconds": time.perf_counter() - started,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def serve() -> None:
    """Answer batches until the end, on a core of this process's own; prints the port."""
    _pin(1)

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of a receiver in another process."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.syncs", "--serve"],
        stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR,
    ) as process:  # fmt: skip
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}/rows"
        process.terminate()


def _pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def in_process(*arguments: str) -> dict[str, float]:
    """What a process of this module printed."""
    done = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", "benchmarks.syncs", *arguments],
        env={**os.environ, SECRET_NAME: SECRET},
        cwd=PROJECT_DIR, check=True, capture_output=True, text=True,
    )  # fmt: skip
    result: dict[str, float] = json.loads(done.stdout)
    return result


def drt_seconds(folder: Path, warehouse: Path, url: str, batch_size: int, *, by_row: bool) -> float:
    """How long drt takes for the same audience, as `drt run` does; raises when a row failed."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home" / ".drt").mkdir(parents=True)
    (folder / "syncs").mkdir()
    (folder / "home" / ".drt" / "profiles.yml").write_text(
        f"strata:\n  type: duckdb\n  database: {warehouse}\n"
    )
    (folder / "drt_project.yml").write_text("name: strata\nprofile: strata\n")
    columns = "entity_key, email, first_name, last_name, plan, lifetime_revenue"
    body = (
        "body_template: '{{ row | tojson_safe }}'"
        if by_row
        else f"max_records_per_request: {batch_size}\n  body_mode: batch\n"
        "  batch_template: '{\"rows\": {{ rows | tojson_safe }}}'"
    )
    (folder / "syncs" / "champions.yml").write_text(
        f"name: champions\nmodel: |\n  select {columns} from activation.audience_champions\n"
        f"destination:\n  type: rest_api\n  url: {url}\n  method: POST\n"
        f"  headers: {{Content-Type: application/json}}\n  {body}\n"
        # It opens a connection for each of these, and sends requests within.
        "sync:\n  mode: full\n  batch_size: 100000\n  on_error: fail\n"
        "  rate_limit: {requests_per_second: 0}\n"
    )
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - as installed beside this Python
        [Path(sys.executable).parent / "drt", "run"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder / "home"), "DO_NOT_TRACK": "1"},
        preexec_fn=lambda: _pin(0),
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started


def plan_seconds(path: Path, mapping: tuple[MappedField, ...]) -> tuple[float, float]:
    """Medians of the plan and of a bare full outer join, rounds alternating."""
    sync = sync_to("http://127.0.0.1:1/", 500, mapping)
    engine = duckdb_engine(path)
    plans, joins = [], []
    with engine.connect() as connection:
        if mapping:
            _acknowledge(connection, sync)
        with connection.begin():
            audience = read_audience(connection, sync)
        for _ in range(ROUNDS):
            joins.append(_timed(lambda: connection.exec_driver_sql(OUTER_JOIN).all()))
            connection.rollback()
            plans.append(_timed(lambda: write_plan(connection, sync, audience, AS_OF)))
            connection.rollback()
    return median(plans), median(joins)


def _acknowledge(connection: Any, sync: Sync) -> None:
    """Let the ledger hold for most members what the mapping sends of them."""
    from sqlalchemy import select, update

    from orchestration.activation.audience import HASH, fields_hash, payload_hash

    with connection.begin():
        audience = read_audience(connection, sync)
        held, relation = ledger.sync_ledger.c, audience.relation
        now, audience_now = (
            select(one).where(relation.c.entity_key == held.entity_key).scalar_subquery()
            for one in (payload_hash(sync, audience), relation.c[HASH])
        )
        connection.execute(
            update(ledger.sync_ledger)
            .where(held.entity_key.in_(select(relation.c.entity_key)))
            .values(
                payload_hash=now,
                acknowledged_hash=now,
                audience_hash=audience_now,
                fields_hash=fields_hash(sync, audience),
            )
        )
        connection.exec_driver_sql(
            "update activation.sync_ledger set acknowledged_hash = 'other', "
            "payload_hash = 'other', audience_hash = 'other' "
            "where hash(entity_key, 2) % 1000 < 4"
        )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(members: int, batch_size: int, folder: Path) -> None:
    """Measure and print everything."""
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = folder / "syncs.duckdb"
    table = Table(title="Delivery", title_justify="left")
    for name in ("", "rows", "seconds", "rows a second", "most memory"):
        table.add_column(name, justify="left" if not name else "right")
    speeds = []
    with endpoint() as url:
        for size in (members // 10, members):
            make_warehouse(warehouse, size)
            first = in_process("--deliver", str(warehouse), url, "--batch-size", str(batch_size))
            change_warehouse(warehouse, size)
            planned = folder / "planned.duckdb"
            shutil.copy(warehouse, planned)
            hour = in_process("--deliver", str(warehouse), url, "--batch-size", str(batch_size))
            for what, one in (("all new", first), ("1% changed", hour)):
                table.add_row(
                    f"{size:,} members, {what}",
                    f"{one['rows']:,.0f}",
                    f"{one['seconds']:.1f}",
                    f"{one['rows'] / one['seconds']:,.0f}",
                    f"{one['bytes'] / 1e6:,.0f} MB",
                )
            speeds.append(first["rows"] / first["seconds"])
        some = members // 10
        make_warehouse(warehouse, some)
        ours = in_process("--deliver", str(warehouse), url, "--batch-size", str(batch_size))
        by_batch = drt_seconds(folder / "drt", warehouse, url, batch_size, by_row=False)
        by_row = drt_seconds(folder / "drt", warehouse, url, batch_size, by_row=True)
    out.print(table)
    out.print(f"All new: {min(speeds):,.0f} rows a second at least; target {ROWS_A_SECOND:,}")
    out.print(
        f"{some:,} rows in batches of {batch_size}: Strata {ours['seconds']:.1f} s through its "
        f"ledger; drt {by_batch:.1f} s in requests of as many rows, "
        f"{by_batch / ours['seconds']:.1f} times; {by_row:.1f} s in requests of one, "
        f"{by_row / ours['seconds']:.1f} times; target {DRT_RATIO}"
    )
    columns = ("email", "first_name", "last_name", "plan")
    mapping = tuple(MappedField(name.upper(), name) for name in columns)
    for what, fields in (("every column", ()), ("a mapping of four", mapping)):
        plan, join = plan_seconds(planned, fields)
        out.print(
            f"Plan of 1% of {members:,}, {what}: {plan:.2f} s; a bare full outer join "
            f"{join:.2f} s; {plan / join:.2f} times; target {PLAN_RATIO}"
        )


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / "target" / "benchmark")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--deliver", nargs=2, metavar=("FILE", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    elif given.deliver:
        _pin(0)
        path, url = given.deliver
        sys.stdout.write(json.dumps(deliver(Path(path), url, given.batch_size)))
    else:
        run(given.members, given.batch_size, given.folder)


if __name__ == "__main__":
    main()
