"""What the tests of alerts share: the tables that alerts read, and servers that take messages."""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import yaml
from fake_api import FakeApi, Request, Response
from sqlalchemy.pool import NullPool

from orchestration.alerts.alert import Alert
from orchestration.demo_receiver import DemoReceiver

MODELS = Path(__file__).parents[2] / "models"
NOON = datetime(2026, 7, 1, 12)
SECRET_VARIABLE, URL_VARIABLE = "STRATA_TEST_ALERT_SECRET", "STRATA_TEST_ALERT_URL"
SLACK_VARIABLE = "STRATA_TEST_ALERT_SLACK"
SLACK_PATH = "/services/T0HUSH/B0HUSH/hushhush"
TABLES = {
    "operations": ["runs", "sync_runs", "leases", "source_freshness", "alerts"],
    "segments": ["segment_verdicts", "segment_registry", "segment_findings"],
    "activation": ["sync_ledger"],
}


@cache
def _ddl() -> Sequence[str]:
    statements = []
    for schema, names in TABLES.items():
        said = yaml.safe_load((MODELS / schema / f"_{schema}__models.yml").read_text())
        declared = {model["name"]: model["columns"] for model in said["models"]}
        statements.append(f"drop schema if exists {schema} cascade")
        statements.append(f"create schema {schema}")
        for name in names:
            columns = ", ".join(
                f"{one['name']} {one['data_type'].replace('string', 'text')}"
                for one in declared[name]
            )
            statements.append(f"create table {schema}.{name} ({columns})")
    return statements


class Warehouse:
    """The tables that alerts read, empty, with the columns that the models declare."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:
            for statement in _ddl():
                connection.execute(sa.text(statement))

    def do(self, statement: str, **values: object) -> None:
        """Execute one statement and commit."""
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def add(self, table: str, **values: object) -> None:
        """Insert one row."""
        places = ", ".join(f":{name}" for name in values)
        self.do(f"insert into {table} ({', '.join(values)}) values ({places})", **values)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Read rows as dictionaries."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(query)).mappings()]

    def run(self, state: str, started_at: datetime, **values: object) -> None:
        """A refresh that took no time."""
        self.add(
            "operations.runs",
            **{
                "run_id": f"r{started_at:%d%H}",
                "state": state,
                "step": "publish",
                "started_at": started_at,
                "ended_at": started_at,
                "sources": '{"billing": "stripe", "crm": "none"}',
                **values,
            },
        )

    def verdict(self, segment_id: str, verdict: str, as_of: datetime, **values: object) -> None:
        """What a run that started at its instant says of a segment."""
        self.add(
            "segments.segment_verdicts",
            **{
                "run_id": f"r{as_of:%d%H}",
                "as_of": as_of,
                "run_started_at": as_of,
                "segment_id": segment_id,
                "verdict": verdict,
                "is_evaluated": True,
                "reasons": "" if verdict == "publish" else "3 members, fewer than the minimum of 5",
                "published_count": 1200,
                **values,
            },
        )

    def sync_run(self, name: str, state: str, started_at: datetime, error: str | None) -> str:
        """A run of a sync; its id."""
        run_id = f"{name}-{started_at:%d%H}"
        self.add(
            "operations.sync_runs",
            sync_run_id=run_id, sync_name=name, state=state, started_at=started_at, error=error,
        )  # fmt: skip
        return run_id


def open_warehouse(request: pytest.FixtureRequest, folder: Path) -> Warehouse:
    """A warehouse with empty tables on the engine that `request.param` names."""
    url = f"duckdb:///{folder}/x.duckdb"
    if request.param == "postgres":
        url = _own_database(request.getfixturevalue("postgres_cluster")["STRATA_POSTGRES_PORT"])
    return Warehouse(sa.create_engine(url, poolclass=NullPool))


@cache
def _own_database(port: str) -> str:
    """Create a database for these tests, once: creating one takes a second."""
    base = f"postgresql+psycopg2://strata@127.0.0.1:{port}/"
    name = f"alerts_{uuid4().hex}"
    admin = sa.create_engine(base + "postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    return base + name


ON_BOTH = ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]


class AlertReceiver(DemoReceiver):
    """A receiver of signed alerts instead of rows."""

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
        """Take what is signed rightly."""
        return (200, {}) if self._is_signed(headers, body) else (401, {"error": "not signed"})

    @property
    def told(self) -> list[list[dict[str, Any]]]:
        """The alerts of each message that was taken."""
        return [
            json.loads(one.body)["data"]["alerts"] for one in self.deliveries if one.status == 200
        ]


class SlackWebhook(FakeApi):
    """Slack's end of an incoming webhook."""

    def answer(self, request: Request) -> Response:
        """Take messages at the one address there is."""
        if request.path != SLACK_PATH:
            return Response(404, b"no_team")
        return Response(200, b"ok", {"Content-Type": "text/html"})

    @property
    def url(self) -> str:
        """The address, which is the credential."""
        return f"http://127.0.0.1:{self.port}{SLACK_PATH}"

    def lines(self, message: int = -1) -> list[str]:
        """The lines that people read of a message."""
        blocks = self.requests[message].body["blocks"]
        assert all(len(block["text"]["text"]) <= 3_000 for block in blocks)
        return "\n".join(block["text"]["text"] for block in blocks).split("\n")


def alert(about: str = "champions", **changes: Any) -> Alert:
    """An alert about a held segment."""
    values: dict[str, Any] = {
        "kind": "held_segment",
        "about": about,
        "severity": "error",
        "subject": f"The segment {about} is held",
        "message": "3 members, fewer than the minimum of 5.",
        "since": NOON,
        "affects": "",
        "command": f'strata release {about} --reason "..."',
        **changes,
    }
    return Alert(**values)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plain(text: str) -> str:
    """A text on one line."""
    return re.sub(r"\s+", " ", text)
