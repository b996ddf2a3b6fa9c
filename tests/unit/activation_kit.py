"""What the activation tests share: a small warehouse, syncs, and a process that dies on cue."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from sqlalchemy import (
    URL,
    Column,
    Engine,
    MetaData,
    Numeric,
    Table,
    Text,
    create_engine,
    make_url,
    text,
)
from sqlalchemy.pool import NullPool

from orchestration.activation import ledger, runner
from orchestration.activation.exposures import Sync
from orchestration.activation.runner import SyncReport, run_sync
from orchestration.demo_receiver import DemoReceiver
from orchestration.destinations.base import Answer, Batch, Clock, Destination, Settings
from orchestration.destinations.file.settings import FileSettings
from orchestration.destinations.webhook.client import WebhookDestination
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.lease import leases

MODELS = Path(__file__).parents[2] / "models" / "activation"
NOON = datetime(2026, 7, 1, 12)
SECRET_VARIABLE = "STRATA_TEST_WEBHOOK_SECRET"
SECRET = "whsec_c3RyYXRhLXRlc3Qtc2VjcmV0LW9mLTMyLWJ5dGVzISE="

AUDIENCE = Table(
    "audience_champions",
    MetaData(),
    Column("entity_key", Text),
    Column("payload_hash", Text),
    Column("email", Text),
    Column("mrr", Numeric(18, 2)),
    schema="activation",
)


def model_sql(name: str) -> str:
    """The SQL of a model of models/activation that uses nothing of dbt but `ref` and text types."""
    sql = (MODELS / f"{name}.sql").read_text()
    sql = re.sub(r"{{ config\(.*?\) }}", "", sql, flags=re.DOTALL)
    sql = re.sub(r"{{ ref\('(\w+)'\) }}", r"activation.\1", sql)
    return sql.replace("{{ dbt.type_string() }}", "text")


class Given(Settings):
    """Settings of a destination that the test makes itself."""

    make: Callable[[], Destination]

    def connect(self, now: Clock) -> Destination:  # noqa: ARG002 - its own clock
        """Make it."""
        return self.make()


class Warehouse:
    """The tables that activation reads and writes, and a clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOON

    def create_tables(self) -> None:
        """Create every table, empty, as dbt would."""
        for schema in ("activation", "operations"):
            self.do(f"create schema {schema}")
        AUDIENCE.create(self.engine)
        ledger.metadata.create_all(self.engine, checkfirst=False)
        leases.create(self.engine)
        if self.engine.dialect.name == "postgresql":
            for table, columns in (
                ("sync_ledger", "sync_name, entity_key"),
                ("sync_plan", "sync_name, position"),
            ):
                self.do(f"create index on activation.{table} ({columns})")

    def create_views(self) -> None:
        """Create the views that a reconciliation reads."""
        for view in ("sync_acknowledged", "sync_drift"):
            self.do(f"create view activation.{view} as {model_sql(view)}")

    def do(self, statement: str, **values: object) -> None:
        """Execute one statement and commit."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Read rows as dictionaries."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def audience(self, members: Mapping[str, str]) -> None:
        """Make these the members: entity key to the name in their e-mail address."""
        with self.engine.begin() as connection:
            connection.execute(text("delete from activation.audience_champions"))
            for key, name in members.items():
                connection.execute(
                    text(
                        "insert into activation.audience_champions"
                        " values (:key, :hash, :email, 12.50)"
                    ),
                    {
                        "key": key,
                        "hash": md5(name.encode(), usedforsecurity=False).hexdigest(),
                        "email": f"{name}@example.com",
                    },
                )

    def ledger(self) -> dict[str, dict[str, Any]]:
        """The ledger by entity key."""
        rows = self.rows("select * from activation.sync_ledger")
        assert len(rows) == len({row["entity_key"] for row in rows})
        return {row["entity_key"]: row for row in rows}

    def states(self) -> dict[str, str]:
        """The ledger's state by entity key."""
        return {key: row["state"] for key, row in self.ledger().items()}

    def last_run(self) -> dict[str, Any]:
        """The row of the latest run, by start; those of one instant by state."""
        return self.rows("select * from operations.sync_runs order by started_at, state")[-1]

    def run(self, sync: Sync, **options: Any) -> SyncReport:
        """Run a sync now, then let an hour pass."""
        try:
            return run_sync(
                self.engine, sync, run_id="r1", as_of=NOON, now=lambda: self.now, **options
            )
        finally:
            self.now += timedelta(hours=1)


def expected(members: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """What a receiver should hold for an audience."""
    return {key: {"email": f"{name}@example.com", "mrr": 12.5} for key, name in members.items()}


def make_sync(settings: Settings, **changes: Any) -> Sync:
    """A sync of the test audience."""
    values = {
        "name": "sync_champions",
        "owner_name": "Growth",
        "owner_email": "growth@example.com",
        "audience_node": "model.strata.audience_champions",
        "audience_schema": "activation",
        "audience_table": "audience_champions",
        "destination": "webhook" if isinstance(settings, WebhookSettings) else "file",
        "mode": "mirror",
        "settings": settings,
        "batch_size": 2,
        **changes,
    }
    return Sync(**values)


class Client(WebhookDestination):
    """The webhook client on the real clock, which signatures need, but never sleeping."""

    def __init__(self, receiver: DemoReceiver, max_retries: int = 0) -> None:
        key = receiver._key
        super().__init__(
            receiver.url,
            key,
            max_retries=max_retries,
            timeout_seconds=5,
            now=runner.utc_now,
            sleep=lambda _seconds: None,
        )


class Scripted:
    """A destination that answers as told."""

    address = "scripted"

    def __init__(self, answer: Callable[[Batch], Sequence[Answer]]) -> None:
        self._answer = answer

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Answer as told."""
        return self._answer(batch)

    def close(self) -> None:
        """Nothing to close."""


def to_receiver(receiver: DemoReceiver, **changes: Any) -> Sync:
    """A sync to a receiver in this process."""
    return make_sync(Given(make=lambda: Client(receiver)), destination="webhook", **changes)


def open_warehouse(request: pytest.FixtureRequest, folder: Path) -> Iterator[Warehouse]:
    """Yield a warehouse with empty tables on the engine that `request.param` names."""
    if request.param == "duckdb":
        engine = create_engine(f"duckdb:///{folder}/x.duckdb", poolclass=NullPool)
        warehouse = Warehouse(engine)
        warehouse.create_tables()
        yield warehouse
        return
    url = _own_database(request.getfixturevalue("postgres_url"))
    warehouse = Warehouse(create_engine(url, poolclass=NullPool))
    for schema in ("activation", "operations"):
        warehouse.do(f"drop schema if exists {schema} cascade")
    warehouse.create_tables()
    yield warehouse


@cache
def _own_database(server: str) -> URL:
    """Create a database for these tests, once: creating one takes a second."""
    url = make_url(server)
    name = f"activation_{uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    return url.set(database=name)


def die() -> None:
    """End this process as `kill -9` does: nothing is flushed, closed or rolled back."""
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(function: Callable[..., Any], *, before: bool, survive: int) -> Callable[..., Any]:
    calls = 0

    def replacement(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls > survive:
            die()
        result = function(*args, **kwargs)
        if calls > survive:
            die()
        return result

    return replacement


# Where a run can be killed: what is replaced, whether it dies before it or after.
BOUNDARIES: dict[str, tuple[Any, str, bool]] = {
    "plan written, not committed": (runner, "write_plan", False),
    "plan committed": (runner, "guard", True),
    "settled, not committed": (ledger, "settle", False),
    "claimed, not committed": (ledger, "claim", False),
    "claimed, not sent": (WebhookDestination, "send", True),
    "answered, not recorded": (WebhookDestination, "send", False),
    "recorded, not committed": (ledger, "record_accepted", False),
    "between two batches": (runner, "_record", False),
    "everything sent": (ledger, "finish_run", True),
    "file written, not in place": (os, "fsync", False),
    "file in place, not recorded": (ledger, "record_accepted", True),
}


def main(url: str, kind: str, address: str, boundary: str, survive: str) -> None:
    """Run a sync in this process and die at a boundary, after surviving it some times."""
    settings: Settings
    if kind == "webhook":
        settings = WebhookSettings(url=address, secret_env=SECRET_VARIABLE, max_retries=0)
    else:
        settings = FileSettings(path=address, format="csv")
    engine = create_engine(url, poolclass=NullPool)
    place = BOUNDARIES.get(boundary)
    if place is not None:
        owner, name, before = place
        dying = _dying(getattr(owner, name), before=before, survive=int(survive))
        mock.patch.object(owner, name, dying).start()
    # The receiver's own boundary kills this process from outside, during the request.
    with suppress(KeyboardInterrupt):
        run_sync(engine, make_sync(settings), run_id="killed", as_of=NOON)


if __name__ == "__main__":
    main(*sys.argv[1:])
