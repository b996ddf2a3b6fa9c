"""Events, stepped through time: however a warehouse got to an instant, it holds what a warehouse
that was built at that instant from nothing holds.

The events of a small company are drawn once. They land late, twice, from the future, a year too
late and before anybody knows who did them; between the steps the instant moves on, stands still
and goes back, a run is cut off, and another system takes over.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.dbt import Dbt

pytestmark = pytest.mark.slow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 3, 1)
PAUSE = timedelta(minutes=30)

# Every table over events, with the columns that say when a row was computed left out.
TABLES = [
    "staging.stg_events__arrivals",
    "staging.stg_events__events",
    "features.int_events__actors",
    "features.int_events__actor_days",
    "features.int_events__actor_sessions",
    "features.int_events__actor_customers",
    "features.int_events__rejected",
    "features.int_customer_accounts__activity",
    "features.feat_customers__activity",
    "features.feat_customers__feature_use",
    "features.feat_customers__onboarding",
    "features.feat_customers__technology",
    "customer_360.fct_daily_activity",
    "customer_360.fct_sessions",
    "customer_360.customer_feature_use",
    "customer_360.customer_flows",
]
ENDS = [name.partition(".")[2] for name in TABLES]
# Those that do not ask who an actor is: customers' ids are not given as of an earlier instant.
ACTORS_TABLES = TABLES[:5]

Rows = list[dict[str, Any]]


def drawn() -> Rows:
    """Deliveries of the generic system in the order in which they land."""
    dice = random.Random(11)
    names = ["page_viewed", "project_created", "task_completed", "checkout_started"]
    names += ["checkout_completed", "invoice_sent", "identified"]
    rows: Rows = []
    for number in range(700):
        person = dice.randrange(14)
        at = FIRST - 12 * DAY + timedelta(seconds=dice.randrange(17 * 86_400))
        if number % 3 and rows:  # most events are near another of the same person
            at = rows[-1]["occurred_at"] + timedelta(seconds=dice.choice([20, 1_500, 1_800, 1_801]))
            person = rows[-1]["person"]
        late = dice.choice([2, 2, 2, 2, 7_200, 86_400, 200_000])
        rows.append(
            {
                "person": person,
                "event_id": f"e{number}",
                "event_name": "signed_up" if number % 97 == 0 else dice.choice(names),
                # people 0 to 9 sign in, from their second device too; the others are never named
                "user_id": f"u{person}" if person < 10 and dice.random() < 0.6 else None,
                "anonymous_id": f"a{person}-{dice.randrange(2)}" if dice.random() < 0.9 else None,
                "email": f"P{person}@shop.example" if person < 10 and dice.random() < 0.1 else None,
                "account_id": dice.choice(["acme", "umbrella", None]),
                "device": dice.choice(["desktop", "mobile", None]),
                "occurred_at": at,
                "received_at": at + timedelta(seconds=late),
                "loaded_at": at + timedelta(seconds=late + 60),
            }
        )
    for row in dice.sample(rows, 60):  # delivered again, up to two days later
        again = row["loaded_at"] + timedelta(seconds=dice.randrange(2 * 86_400))
        rows.append(row | {"received_at": again, "loaded_at": again})
    odd = rows[0] | {"user_id": "u3", "anonymous_id": None, "email": None}
    odd["event_name"] = "task_completed"
    at = FIRST - DAY
    arrived = {"received_at": at, "loaded_at": at}
    later = {"received_at": FIRST + DAY / 2, "loaded_at": FIRST + DAY / 2}
    rows += [
        odd | {"event_id": "future", "occurred_at": at + 2 * HOUR} | arrived,
        odd | {"event_id": "tolerated", "occurred_at": at + HOUR} | arrived,
        odd | {"event_id": "400 days late", "occurred_at": FIRST - 400 * DAY} | later,
        odd | {"event_id": "364 days late", "occurred_at": FIRST - 364 * DAY} | later,
        odd | {"event_id": None, "occurred_at": at} | arrived,
        odd | {"event_id": None, "occurred_at": at + HOUR / 2} | arrived,
        odd | {"event_id": "no name", "event_name": None, "occurred_at": at} | arrived,
        odd | {"event_id": "no time", "occurred_at": None} | later,
        # Two years before the CRM knows u20; no other source knows u21.
        odd | {"event_id": "before", "user_id": "u20", "occurred_at": FIRST - 730 * DAY}
        | {"received_at": FIRST - 729 * DAY, "loaded_at": FIRST - DAY},
        odd | {"event_id": "unknown", "user_id": "u21", "occurred_at": FIRST - 730 * DAY}
        | {"received_at": FIRST - 729 * DAY, "loaded_at": FIRST - DAY},
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["loaded_at"])


CONTACTS: Rows = [
    {"contact_id": "c1", "user_id": "u1", "email": "p2@shop.example", "created_at": FIRST - DAY},
    {"contact_id": "c20", "user_id": "u20", "email": None, "created_at": FIRST - 10 * DAY},
    # An address that only a later contact ties to a user.
    {"contact_id": "c5", "user_id": "u5", "email": "p6@shop.example", "created_at": FIRST + DAY},
]
TYPES = {"occurred_at": "timestamp", "received_at": "timestamp", "loaded_at": "timestamp"}
TYPES["created_at"] = "timestamp"


def land(path: Path, table: str, rows: Rows) -> None:
    """Writes a raw table anew."""
    columns = [name for name in rows[0] if name != "person"]
    typed = ", ".join(f"{name} {TYPES.get(name, 'varchar')}" for name in columns)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema if not exists {table.partition('.')[0]}")
        connection.execute(f"create or replace table {table} ({typed})")
        connection.executemany(
            f"insert into {table} values ({', '.join('?' * len(columns))})",
            [[row[name] for name in columns] for row in rows],
        )


class Warehouse:
    """A DuckDB file that runs are made over, and others that are built from nothing beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "strata.duckdb"
        self.folder = folder
        self.raw: dict[str, Rows] = {}
        self.projects: dict[str, Dbt] = {}
        self.fresh_builds = 0

    def land(self, table: str, rows: Rows) -> None:
        """A raw table, in place of what it held."""
        self.raw[table] = rows
        land(self.path, table, rows)

    def land_events(self, rows: Rows, until: datetime) -> None:
        """Everything that is loaded up to a time, which may be later than a run's instant."""
        self.land("raw_generic.events", [row for row in rows if row["loaded_at"] <= until])

    def run(self, as_of: datetime, system: str = "generic", only: list[str] | None = None) -> None:
        """The models over events, incrementally."""
        self._run(self.path, as_of, system, only)

    def _run(self, path: Path, as_of: datetime, system: str, only: list[str] | None = None) -> None:
        if system not in self.projects:
            sources = {"crm": "generic", "events": system}
            settings = {"demo_data": False, "strata_sources": sources}
            self.projects[system] = Dbt(target="duckdb", variables=settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STRATA_DUCKDB_PATH", str(path))
            patch.setenv("DBT_TARGET_PATH", str(self.folder / "target"))
            patch.setenv("DBT_LOG_PATH", str(self.folder / "logs"))
            self.projects[system].run(
                "build",
                only or [f"+{name}" for name in ENDS],
                ["resource_type:test", "resource_type:unit_test"],
                as_of=as_of.isoformat(),
            )

    def read(self, path: Path, table: str) -> Rows:
        with duckdb.connect(str(path)) as connection:
            found = connection.execute(f"select * from {table}")
            names = [column[0] for column in found.description]
            return [
                {k: v for k, v in zip(names, row, strict=True) if k != "batch"}
                for row in found.fetchall()
            ]

    def rows(self, table: str) -> Rows:
        return self.read(self.path, table)

    def differences(
        self, as_of: datetime, tables: list[str] = TABLES
    ) -> dict[str, tuple[int, int]]:
        """Tables that a build from nothing fills with other rows: how many rows are too many and
        how many are missing."""
        self.fresh_builds += 1
        fresh = self.folder / f"fresh{self.fresh_builds}" / self.path.name
        fresh.parent.mkdir()
        for table, rows in self.raw.items():
            land(fresh, table, rows)
        self._run(fresh, as_of, "generic")
        found = {}
        for table in tables:
            ours = [tuple(row.values()) for row in self.rows(table)]
            theirs = [tuple(row.values()) for row in self.read(fresh, table)]
            extra, missing = len(set(ours) - set(theirs)), len(set(theirs) - set(ours))
            if extra or missing or len(ours) != len(theirs):
                found[table] = (extra, missing)
        return found

    def everything(self) -> dict[str, Rows]:
        return {
            table: sorted(self.rows(table), key=lambda row: str(list(row.values())))
            for table in TABLES
        }

    def sessions_event_by_event(self) -> set[tuple[Any, ...]]:
        """Sessions computed from the events of a visitor one after the other."""
        known = {
            (row["identifier_type"], row["identifier_value"]): row["customer_id"]
            for row in self.rows("identity.customer_identifiers")
        }
        visitors: dict[str, list[datetime]] = defaultdict(list)
        for event in self.rows("staging.stg_events__events"):
            customer = (
                known.get(("user_id", event["user_id"]))
                or known.get(("email", (event["email"] or "").lower()))
                or known.get(("anonymous_id", event["anonymous_id"]))
            )
            visitor = customer or event["anonymous_id"]
            if visitor and event["event_id"] != "before":
                visitors[visitor].append(event["occurred_at"])
        found = set()
        for visitor, times in visitors.items():
            session: list[datetime] = []
            for time in [*sorted(times), None]:
                if session and (time is None or time > session[-1] + PAUSE):
                    found.add((visitor, session[0], session[-1], len(session)))
                    session = []
                session += [time] if time else []
        return found

    def sessions(self) -> set[tuple[Any, ...]]:
        return {
            (
                r["customer_id"] or r["anonymous_id"],
                r["started_at"],
                r["ended_at"],
                r["event_count"],
            )
            for r in self.rows("customer_360.fct_sessions")
        }

    def rejected(self) -> dict[str, str]:
        return {row["row_key"]: row["reason"] for row in self.rows("features.int_events__rejected")}


@pytest.fixture(scope="module")
def landed() -> Rows:
    return drawn()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, landed: Rows) -> Iterator[Warehouse]:
    """Two days, one run each. The raw table holds two days more than the first run's instant."""
    warehouse = Warehouse(tmp_path_factory.mktemp("events"))
    warehouse.land("raw_generic.contacts", CONTACTS)
    warehouse.land_events(landed, FIRST + 2 * DAY)
    warehouse.run(FIRST)
    warehouse.land_events(landed, FIRST + 3 * DAY)
    warehouse.run(FIRST + 2 * DAY)
    yield warehouse


def test_increments_end_where_a_full_build_does(begun: Warehouse, landed: Rows) -> None:
    """One story, in which each step goes on from the one before."""
    second, third, fourth = FIRST + 2 * DAY, FIRST + 3 * DAY, FIRST + 4 * DAY
    assert begun.differences(second) == {}
    assert begun.sessions() == begun.sessions_event_by_event()

    # The same instant over the same rows changes nothing.
    before = begun.everything()
    begun.run(second)
    assert begun.everything() == before

    # Back: what is later is not there, also after more has landed meanwhile.
    begun.land_events(landed, fourth)
    begun.run(FIRST, only=[name.partition(".")[2] for name in ACTORS_TABLES])
    assert max(r["ended_at"] for r in begun.rows("features.int_events__actor_sessions")) <= FIRST
    assert begun.differences(FIRST, ACTORS_TABLES) == {}

    # A run that was cut off between two tables, and one that never happened (the third day's).
    begun.land_events(landed, fourth + DAY)
    begun.run(third, only=["stg_events__arrivals", "int_events__actor_days"])
    begun.run(fourth)
    assert begun.differences(fourth) == {}
    assert begun.sessions() == begun.sessions_event_by_event()


def test_what_cannot_be_right_is_rejected_with_its_reason(begun: Warehouse) -> None:
    rejected = begun.rejected()
    without_id = sorted(key for key in rejected if key.startswith("no id: "))
    assert len(without_id) == 2
    assert {key: reason for key, reason in rejected.items() if key not in without_id} == {
        "future": "it lies in the future: more than an hour after it was received",
        "400 days late": "it was received more than 365 days after it happened",
        "no name": "it has no name",
        "no time": "it has no time",
        "before": "it happened more than 365 days before its customer was first known",
    }
    used = {row["event_id"] for row in begun.rows("staging.stg_events__events")}
    assert {"tolerated", "364 days late", "unknown"} <= used
    assert not used & {"future", "400 days late", "no name", "no time", None}
    # The user id alone makes a customer of somebody whom no other source knows.
    days = {row["activity_on"] for row in begun.rows("customer_360.fct_daily_activity")}
    early = (FIRST - 730 * DAY).date()
    owners = [r for r in begun.rows("customer_360.fct_daily_activity") if r["activity_on"] == early]
    assert early in days
    assert len(owners) == 1


def test_each_event_is_there_once_and_its_first_delivery_counts(begun: Warehouse) -> None:
    arrivals = {row["event_id"]: row for row in begun.rows("staging.stg_events__arrivals")}
    deliveries = defaultdict(list)
    for row in begun.raw["raw_generic.events"]:
        deliveries[row["event_id"]].append(row["loaded_at"])
    assert sum(len(times) > 1 for times in deliveries.values()) > 40
    for event_id, times in deliveries.items():
        if event_id:
            assert arrivals[event_id]["arrived_at"] == min(times)


def test_another_system_takes_over_and_gives_back(begun: Warehouse) -> None:
    at = FIRST + 4 * DAY
    tracks = [
        {"id": "t1", "event": "signed_up", "user_id": "u1", "timestamp": at.isoformat()},
        {"id": "e1", "event": "task_completed", "user_id": "u2", "timestamp": at.isoformat()},
    ]
    begun.land("raw_segment.tracks", tracks)
    begun.run(at, "segment")
    assert {row["event_id"] for row in begun.rows("staging.stg_events__events")} == {"t1", "e1"}
    assert {r["source_system"] for r in begun.rows("features.int_events__actors")} == {"segment"}
    assert len(begun.sessions()) == 2

    begun.run(at)
    assert begun.differences(at) == {}

    begun.run(at, "none")
    assert all(begun.rows(table) == [] for table in TABLES)
