"""How long the records of runs are kept. History, decisions and ledgers are kept for good."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from orchestration.activation.ledger import columns_of
from orchestration.errors import UsageError
from orchestration.project import project_vars, utc_now

# Of each table the column that says how old a row is.
TABLES: Mapping[str, str] = {
    "expectation_results": "executed_at",
    "run_nodes": "as_of",
    "run_steps": "started_at",
    "runs": "started_at",
    "sync_runs": "started_at",
}
LEAST_DAYS = 30
"""Audits, learned bounds and the resumption of runs read what is younger."""


def keep_days() -> int:
    """The project variable `keep_run_records_days`. Raises UsageError for a wrong one."""
    given = project_vars().get("keep_run_records_days")
    if not isinstance(given, int) or isinstance(given, bool) or given < LEAST_DAYS:
        raise UsageError(
            f"keep_run_records_days is {given!r}. It takes a whole number of days from "
            f"{LEAST_DAYS} on."
        )
    return given


def keep_dagster_days() -> int:
    """The project variable `keep_dagster_runs_days`. Raises UsageError for a wrong one."""
    given = project_vars().get("keep_dagster_runs_days", 60)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise UsageError(
            f"keep_dagster_runs_days is {given!r}. It takes a whole number of days from 1 on."
        )
    return given


def prune(warehouse: sa.Engine, now: datetime | None = None) -> dict[str, int]:
    """Deletes rows older than `keep_run_records_days`; how many, by table, in one transaction.

    The last run of a sync that sent anything stays: what it sent is compared with.
    """
    before = (now or utc_now()) - timedelta(days=keep_days())
    deleted: dict[str, int] = {}
    with warehouse.begin() as connection:
        for name, column in TABLES.items():
            if not columns_of(connection, "operations", name):
                continue
            table = sa.table(
                name, sa.column(column), *map(sa.column, ("sync_name", "fields")),
                schema="operations",
            )  # fmt: skip
            is_old = table.c[column] < before
            if name == "sync_runs":
                last = sa.alias(table, "last")
                is_last = ~sa.exists().where(
                    last.c.sync_name == table.c.sync_name,
                    last.c.fields.is_not(None),
                    last.c[column] > table.c[column],
                )
                is_old = is_old & ~(table.c.fields.is_not(None) & is_last)
            count = connection.execute(
                sa.select(sa.func.count()).select_from(table).where(is_old)
            ).scalar_one()
            connection.execute(sa.delete(table).where(is_old))
            deleted[f"operations.{name}"] = int(count)
    return deleted
