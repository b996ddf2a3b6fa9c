"""Lands hand-made raw tables, runs staging over them, and reads what came out."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from orchestration.dbt import Dbt
from orchestration.warehouse import duckdb_engine

INTERFACES = {
    "stg_crm__contacts": "contact_id",
    "stg_crm__accounts": "account_id",
    "stg_crm__deals": "deal_id",
    "stg_crm__consents": "email",
    "stg_crm__enrichment": "attribute",
    "stg_crm__merges": "merged_id",
    "stg_billing__customers": "billing_customer_id",
    "stg_billing__subscriptions": "subscription_id",
    "stg_billing__subscription_changes": "subscription_id",
    "stg_billing__invoices": "invoice_id",
    "stg_billing__payments": "payment_id",
    "stg_billing__refunds": "refund_id",
    "stg_events__events": "event_id",
    "stg_support__tickets": "ticket_id",
    "stg_survey__responses": "response_id",
}

Rows = list[dict[str, Any]]
Raw = Mapping[str, Rows]


class Staged(dict[str, Rows]):
    """The interfaces of one run."""

    def __call__(self, interface: str, key: str) -> Rows:
        """The rows of an interface with this key, in order of time."""
        column = INTERFACES[interface]
        rows = [row for row in self[interface] if row[column] == key]
        return sorted(rows, key=lambda row: row.get("changed_at") or datetime.min)

    def one(self, interface: str, key: str) -> dict[str, Any]:
        """The only row of an interface with this key."""
        (row,) = self(interface, key)
        return row


def land(path: Path, tables: Raw) -> None:
    """Writes raw tables as a loader would: each value is SQL."""
    with duckdb.connect(str(path)) as connection:
        for name, rows in tables.items():
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            selects = [", ".join(f'{v} as "{k}"' for k, v in row.items()) for row in rows]
            body = " union all by name ".join(f"select {columns}" for columns in selects)
            connection.execute(f"create table {name} as {body}")


def stage(
    path: Path,
    sources: Mapping[str, str],
    as_of: str,
    *,
    settings: Mapping[str, str] | None = None,
    with_tests: bool = False,
    notes: list[str] | None = None,
    **variables: Any,
) -> Staged:
    """Runs the staging models over a DuckDB file and reads the interfaces.

    With `settings`, the environment of a PostgreSQL database, over that instead of the file.
    What the run remarked is added to `notes`.
    """
    chosen = {"demo_data": False, "strata_sources": dict(sources), **variables}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_DUCKDB_PATH", str(path))
        patch.setenv("DBT_TARGET_PATH", str(path.parent / "target"))
        patch.setenv("DBT_LOG_PATH", str(path.parent / "logs"))
        for name, value in (settings or {}).items():
            patch.setenv(name, value)
        dbt = Dbt(target="postgres" if settings else "duckdb", variables=chosen)
        if notes is not None:
            dbt.on_note = notes.append
        models = {
            "select": ["staging", "exchange_rates"],
            "exclude": [] if with_tests else ["resource_type:test"],
        }
        dbt.run("build", **models, as_of=as_of)
    engine = engine_of(settings) if settings else duckdb_engine(path)
    staged = Staged()
    with engine.connect() as connection:
        for interface in INTERFACES:
            found = connection.execute(sa.text(f"select * from staging.{interface}"))
            staged[interface] = [dict(row) for row in found.mappings()]
    engine.dispose()
    return staged


def engine_of(settings: Mapping[str, str]) -> sa.Engine:
    """The PostgreSQL database that the settings name."""
    return sa.create_engine(
        f"postgresql+psycopg2://{settings['STRATA_POSTGRES_USER']}@"
        f"{settings['STRATA_POSTGRES_HOST']}:{settings['STRATA_POSTGRES_PORT']}/"
        f"{settings['STRATA_POSTGRES_DATABASE']}"
    )


def money(value: str) -> Decimal:
    return Decimal(value)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def text(**columns: str | None) -> dict[str, str]:
    """A raw row whose values are all text."""
    return {k: "null" if v is None else f"'{v}'" for k, v in columns.items()}
