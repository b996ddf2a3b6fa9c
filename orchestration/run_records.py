"""What `operations` keeps of refreshes: runs, their steps, and what each model cost.

dbt makes the tables too, with the same columns; a refresh needs them before its first model.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from orchestration.activation.ledger import columns_of
from orchestration.dbt import NodeResult
from orchestration.lease import leases

metadata = sa.MetaData(schema="operations")

RUNS = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Text),
    sa.Column("as_of", sa.DateTime),
    sa.Column("target", sa.Text),
    sa.Column("sources", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("step", sa.Text),
    sa.Column("started_at", sa.DateTime),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("error", sa.Text),
)
RUN_STEPS = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run_id", sa.Text),
    sa.Column("as_of", sa.DateTime),
    sa.Column("step", sa.Text),
    sa.Column("started_at", sa.DateTime),
    sa.Column("seconds", sa.Numeric(12, 3, asdecimal=False)),
    sa.Column("node_count", sa.BigInteger),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("byte_count", sa.BigInteger),
)
RUN_NODES = sa.Table(
    "run_nodes",
    metadata,
    sa.Column("run_id", sa.Text),
    sa.Column("as_of", sa.DateTime),
    sa.Column("step", sa.Text),
    sa.Column("node_name", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("seconds", sa.Numeric(12, 3, asdecimal=False)),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("byte_count", sa.BigInteger),
)
SOURCE_CURSORS = sa.Table(
    "source_cursors",
    metadata,
    sa.Column("source_system", sa.Text),
    sa.Column("table_name", sa.Text),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("last_loaded_at", sa.DateTime),
    sa.Column("as_of", sa.DateTime),
    sa.Column("built_as_of", sa.DateTime),
    sa.Column("run_id", sa.Text),
    sa.Column("project", sa.Text),
)
TABLES = (RUNS, RUN_STEPS, RUN_NODES, SOURCE_CURSORS, leases)


def make_tables(connection: sa.Connection) -> None:
    """Make those that do not exist, and give the others the columns that they lack.

    The caller commits.
    """
    connection.execute(sa.schema.CreateSchema("operations", if_not_exists=True))
    for table in TABLES:
        found = {column.name for column in columns_of(connection, "operations", table.name)}
        if not found:
            connection.execute(sa.schema.CreateTable(table))
        for column in table.columns:
            if found and column.name not in found:
                kind = column.type.compile(connection.dialect)
                connection.execute(
                    sa.text(f"alter table {table.fullname} add column {column.name} {kind}")
                )


def start_run(connection: sa.Connection, **run: object) -> None:
    """Record that a run begins; the caller holds the lease and commits.

    So of any other run that has not ended nobody is left: it failed. A run that goes on after
    it failed has its one row again.
    """
    connection.execute(
        sa.update(RUNS)
        .where(RUNS.c.state == "running", RUNS.c.run_id != run["run_id"])
        .values(state="failed", error="the process ended before the run did")
    )
    connection.execute(sa.delete(RUNS).where(RUNS.c.run_id == run["run_id"]))
    connection.execute(sa.insert(RUNS).values(state="running", **run))


def note_step(connection: sa.Connection, run_id: str, step: str) -> None:
    """Record which step a run is in. The caller commits."""
    connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(step=step))


def end_run(
    connection: sa.Connection, run_id: str, state: str, now: datetime, error: str | None
) -> None:
    """Record how a run ended. The caller commits."""
    connection.execute(
        sa.update(RUNS)
        .where(RUNS.c.run_id == run_id)
        .values(state=state, ended_at=now, error=error)
    )


def record_step(
    connection: sa.Connection,
    *,
    run_id: str,
    as_of: datetime,
    step: str,
    started_at: datetime,
    seconds: float,
    results: Sequence[NodeResult],
) -> None:
    """Record what a step took, and each of its models. The caller commits.

    Rows and bytes are those that the engine told of; null where it told of none.
    """
    built = [one for one in results if one.resource_type in ("model", "seed")]
    of_run = {"run_id": run_id, "as_of": as_of, "step": step}
    connection.execute(
        sa.insert(RUN_STEPS).values(
            **of_run,
            started_at=started_at,
            seconds=seconds,
            node_count=len(results),
            row_count=_sum([one.row_count for one in built]),
            byte_count=_sum([one.byte_count for one in built]),
        )
    )
    rows = [
        {
            **of_run,
            "node_name": one.name,
            "status": one.status,
            "seconds": one.seconds,
            "row_count": one.row_count,
            "byte_count": one.byte_count,
        }
        for one in built
    ]
    if rows:
        connection.execute(sa.insert(RUN_NODES).values(rows))


def _sum(numbers: Sequence[int | None]) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if told else None
