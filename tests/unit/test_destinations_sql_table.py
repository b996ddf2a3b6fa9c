"""The SQL table destination on PostgreSQL, SQLite and DuckDB: what is in the table afterwards."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from activation_kit import NOON, Given, Warehouse, make_sync
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import NullPool

from orchestration.activation.runner import utc_now
from orchestration.destinations.base import (
    AskableDestination,
    Batch,
    BatchDestination,
    BatchRefused,
    DestinationStopped,
    NoAnswer,
    ReadableDestination,
    Row,
    SharedDestination,
)
from orchestration.destinations.sql_table import rows as statements
from orchestration.destinations.sql_table.client import SqlTableDestination
from orchestration.destinations.sql_table.errors import Passing, explained
from orchestration.destinations.sql_table.settings import SqlTableSettings
from orchestration.destinations.sql_table.tables import Found, Place
from orchestration.errors import UsageError
from orchestration.warehouse import duckdb_engine

pytestmark = pytest.mark.slow  # servers, and many runs

SYNC = "sync_champions"
AT = datetime(2026, 7, 1, 12, 30, 0, 250_000)
PAYLOAD: dict[str, object] = {
    "name": "Zoë O'Neil",
    "mrr": Decimal("12.50"),
    "seats": 3,
    "is_paying": True,
    "at": AT,
    "renews_on": date(2026, 8, 1),
}


class Database:
    """A database, and the destination's table in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kind = sa.make_url(url).get_backend_name()
        self.waits: list[float] = []
        self._opened: list[SqlTableDestination] = []
        self._engine = (
            duckdb_engine(Path(sa.make_url(url).database or ""))
            if self.kind == "duckdb"
            else sa.create_engine(url)
        )
        # Kept open: DuckDB takes long to open a file anew for every statement.
        self._open = self._engine.connect() if self.kind == "duckdb" else None

    def connect(
        self,
        *,
        table: str = "members",
        db_schema: str | None = None,
        key: str = "entity_key",
        archived_at: str | None = None,
        **options: Any,
    ) -> SqlTableDestination:
        options = {"url": self.url, "now": lambda: NOON, "sleep": self.waits.append, **options}
        made = SqlTableDestination(place=Place(table, db_schema, key, archived_at), **options)
        self._opened.append(made)
        return made

    def do(self, *commands: str) -> None:
        with self._engine.begin() as connection:
            for command in commands:
                connection.exec_driver_sql(command)

    def rows(self, query: str = "select * from members order by 1") -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.exec_driver_sql(query).mappings()]

    def keys(self) -> list[str]:
        return [row["entity_key"] for row in self.rows("select * from members order by 1")]

    def disconnect(self) -> None:
        for destination in self._opened:
            destination.close()

    def close(self) -> None:
        self.disconnect()
        if self._open:
            self._open.close()
        self._engine.dispose()


@pytest.fixture(scope="module")
def server(postgres_cluster: dict[str, str]) -> Iterator[str]:
    """A database for all tests here: creating one takes a second."""
    port = postgres_cluster["STRATA_POSTGRES_PORT"]
    base = f"postgresql+psycopg2://strata@127.0.0.1:{port}/"
    admin = sa.create_engine(base + "postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql("create database crm")
        connection.exec_driver_sql("alter database crm set deadlock_timeout = '50ms'")
    yield base + "crm"
    with admin.connect() as connection:
        connection.exec_driver_sql("drop database crm with (force)")


@pytest.fixture
def postgres(server: str) -> Iterator[Database]:
    database = Database(server)
    yield database
    database.disconnect()
    database.do("drop schema public cascade", "create schema public")
    database.close()


ENGINES = ["sqlite", "duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "postgres":
        yield request.getfixturevalue("postgres")
        return
    made = Database(f"{request.param}:///{tmp_path}/crm.db")
    yield made
    made.close()


@pytest.fixture(params=["native upsert", "update or insert"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to write, the second being that of databases without a fitting upsert."""
    if request.param == "update or insert":
        monkeypatch.setattr(statements, "NATIVE_UPSERTS", {})


def add(key: str, **payload: object) -> Row:
    return Row("add", key, f"add-{key}", payload)


def change(key: str, **payload: object) -> Row:
    return Row("change", key, f"change-{key}", payload)


def remove(key: str) -> Row:
    return Row("remove", key, f"remove-{key}", None)


def archive(key: str) -> Row:
    return Row("archive", key, f"archive-{key}", None)


def batch(*rows: Row, sync: str = SYNC) -> Batch:
    return Batch.of(sync, rows)


def send(destination: SqlTableDestination, *rows: Row, sync: str = SYNC) -> dict[str, str | None]:
    return {answer.entity_key: answer.error for answer in destination.send(batch(*rows, sync=sync))}


def test_it_can_all_that_a_batch_destination_may_be_asked(tmp_path: Path) -> None:
    made = SqlTableDestination(
        f"sqlite:///{tmp_path}/x.db", Place("t", None, "entity_key", None), now=utc_now
    )
    for ability in (BatchDestination, AskableDestination, SharedDestination, ReadableDestination):
        assert isinstance(made, ability)


# What is in the table


def test_the_table_is_made_on_first_use(database: Database) -> None:
    assert send(database.connect(), add("a", **PAYLOAD)) == {"a": None}
    (row,) = database.rows()
    assert list(row) == ["entity_key", *PAYLOAD, "_strata_sync"]
    if database.kind == "sqlite":
        assert row["name"] == "Zoë O'Neil"
        assert (row["mrr"], row["at"]) == (12.5, "2026-07-01 12:30:00.250000")
    else:
        assert row == {"entity_key": "a", **PAYLOAD, "_strata_sync": SYNC}
        assert isinstance(row["mrr"], Decimal)


@pytest.mark.usefixtures("each_way")
def test_a_mixed_batch(database: Database) -> None:
    destination = database.connect()
    send(destination, add("a", name="Ann"), add("b", name="Bob"), add("c", name="Cyd"))
    mixed = [change("a", name="Anna"), remove("b"), add("d", name="Dan"), remove("never there")]
    after = [("a", "Anna"), ("c", "Cyd"), ("d", "Dan")]
    for _attempt in range(2):
        assert set(send(destination, *mixed).values()) == {None}
        assert [(row["entity_key"], row["name"]) for row in database.rows()] == after


@pytest.mark.usefixtures("each_way")
def test_a_field_that_the_payload_lacks_is_left_alone(database: Database) -> None:
    destination = database.connect()
    send(destination, add("a", name="Ann", mrr=1), add("b", name="Bob", mrr=2), add("c", name="C"))
    send(destination, change("a", mrr=3), change("b", name=None, mrr=4), change("c", name="Cyd"))
    assert [(row["name"], row["mrr"]) for row in database.rows()] == [
        ("Ann", 3),
        (None, 4),
        ("Cyd", None),
    ]


@pytest.mark.usefixtures("each_way")
def test_payloads_that_lack_different_fields(database: Database) -> None:
    destination = database.connect()
    send(destination, add("a", x=1, y=1), add("b", x=1, y=1), add("c", x=1, y=1))
    send(destination, change("a", x=2), change("b", y=2), change("c"), add("d", x=2), add("e"))
    assert [(row["x"], row["y"]) for row in database.rows()] == [
        (2, 1),
        (1, 2),
        (1, 1),
        (2, None),
        (None, None),
    ]


def test_sparse_payloads_are_written_by_one_statement() -> None:
    table = sa.Table("t", sa.MetaData(), *(sa.Column(name) for name in "kxyz"))
    found = Found(table, with_default=["z"], is_own=False)
    rows = [add("a", x=1), add("b", y=1), add("c", x=2, y=2), add("d", x=1, z=1)]
    made = statements.groups(rows, found)
    assert [(group.fields, [row.entity_key for row in group.rows]) for group in made] == [
        (("x", "y"), ["a", "b", "c"]),
        (("x", "y", "z"), ["d"]),
    ]


@pytest.mark.usefixtures("each_way")
def test_a_new_row_has_the_defaults_of_the_columns_that_its_payload_lacks(
    database: Database,
) -> None:
    database.do(
        "create table members (entity_key varchar(20) primary key, name varchar(20),"
        " plan varchar(20) default 'free', score int not null default 7, _strata_sync varchar(50))"
    )
    send(database.connect(), add("a", name="Ann"), add("b", name="Bob", plan="pro", score=1))
    assert [(row["plan"], row["score"]) for row in database.rows()] == [("free", 7), ("pro", 1)]


def test_a_required_column_does_not_stop_an_update_that_leaves_it_alone(
    database: Database,
) -> None:
    database.do(
        "create table members (entity_key varchar(20) primary key, name varchar(20) not null,"
        " mrr int, _strata_sync varchar(50))",
        f"insert into members values ('a', 'Ann', 1, '{SYNC}')",
    )
    assert send(database.connect(), change("a", mrr=2)) == {"a": None}
    assert [(row["name"], row["mrr"]) for row in database.rows()] == [("Ann", 2)]


def test_a_new_field_becomes_a_column_of_a_table_that_is_stratas(database: Database) -> None:
    destination = database.connect()
    send(destination, add("a", name="Ann", score=None))
    assert "score" not in database.rows()[0]
    assert destination.applied(batch(add("a", name="Ann", score=None))) == ["a"]
    send(destination, add("b", name="Bob", score=Decimal("0.5")), change("a", name="Ann"))
    assert [row["score"] for row in database.rows()] == [None, Decimal("0.5")]


def test_names_that_need_quotes(database: Database) -> None:
    payload = {"order": 1, "Mixed Case": "x", "100%": "y", "at": AT, 'a"b': 2}
    destination = database.connect(table="Our Table", key="user")
    send(destination, Row("add", "a", "1", payload))
    send(destination, Row("change", "a", "2", {**payload, "100%": "z"}))
    (row,) = database.rows('select * from "Our Table"')
    assert (row["user"], row["order"], row["100%"], row['a"b']) == ("a", 1, "z", 2)
    assert list(destination.held()) == ["a"]


def test_keys_of_other_types(database: Database) -> None:
    database.do("create table members (entity_key int primary key, x int, _strata_sync text)")
    destination = database.connect()
    send(destination, add("7", x=1), add("8", x=1))
    send(destination, change("7", x=2), remove("8"))
    assert [(row["entity_key"], row["x"]) for row in database.rows()] == [(7, 2)]
    assert list(destination.held()) == ["7"]
    assert destination.applied(batch(change("7", x=2), remove("8"))) == ["7", "8"]


@pytest.mark.postgres
@pytest.mark.usefixtures("each_way")
def test_keys_that_come_back_padded(postgres: Database) -> None:
    postgres.do("create table members (entity_key char(9) primary key, x int, _strata_sync text)")
    destination = postgres.connect()
    assert send(destination, add("a", x=1), add("b", x=1)) == {"a": None, "b": None}
    postgres.do("update members set _strata_sync = null where entity_key = 'b'")
    assert send(destination, add("a", x=2), add("b", x=2))["a"] is None
    assert [row["x"] for row in postgres.rows()] == [2, 1]
    assert list(destination.held()) == ["a"]


def test_values_are_made_to_fit_text_columns(database: Database) -> None:
    columns = ", ".join(f'"{name}" varchar(40)' for name in PAYLOAD)
    database.do(
        f"create table members (entity_key varchar(20) primary key, {columns}, _strata_sync text)"
    )
    destination = database.connect()
    send(destination, add("a", **PAYLOAD))
    (row,) = database.rows()
    assert [row[name] for name in PAYLOAD] == [
        "Zoë O'Neil",
        "12.50",
        "3",
        "true",
        "2026-07-01 12:30:00.250000",
        "2026-08-01",
    ]
    assert destination.applied(batch(add("a", **PAYLOAD))) == ["a"]


@pytest.mark.postgres
def test_instants_are_utc_whatever_the_servers_zone(postgres: Database) -> None:
    postgres.do(
        "create table members (entity_key text primary key, zoned timestamptz, plain timestamp,"
        " on_day timestamptz, _strata_sync text)",
        "alter database crm set timezone = 'America/New_York'",
    )
    aware = datetime(2026, 7, 1, 14, tzinfo=UTC).astimezone()
    payload = {"zoned": AT, "plain": aware, "on_day": date(2026, 7, 1)}
    try:
        destination = postgres.connect()
        send(destination, add("a", **payload))
        assert destination.applied(batch(add("a", **payload))) == ["a"]
    finally:
        postgres.do("alter database crm reset timezone")
    (row,) = postgres.rows()
    assert row["zoned"] == AT.replace(tzinfo=UTC)
    assert row["plain"] == datetime(2026, 7, 1, 14)
    assert row["on_day"] == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.postgres
def test_types_that_only_the_database_knows(postgres: Database) -> None:
    postgres.do(
        "create type plan as enum ('free', 'pro')",
        "create table members (entity_key uuid primary key, plan plan, about jsonb,"
        " _strata_sync text)",
    )
    key = "6f1e7a52-9d57-4f0e-8f5c-0a54a1f2c001"
    destination = postgres.connect()
    send(destination, add(key, plan="pro", about='{"a": 1}'))
    (row,) = postgres.rows()
    assert (str(row["entity_key"]), row["plan"], row["about"]) == (key, "pro", {"a": 1})
    assert list(destination.held()) == [key]


@pytest.mark.postgres
def test_a_schema(postgres: Database) -> None:
    postgres.do("create schema crm")
    try:
        destination = postgres.connect(db_schema="crm")
        send(destination, add("a", x=1))
        assert postgres.rows("select x from crm.members") == [{"x": 1}]
        assert destination.address.endswith("/crm table crm.members")
    finally:
        postgres.do("drop schema crm cascade")


@pytest.mark.postgres
@pytest.mark.parametrize("sparse", [False, True])
def test_ten_thousand_rows_in_one_batch(postgres: Database, sparse: bool) -> None:
    def rows(version: int) -> list[Row]:
        payloads = [
            {f"text_{n}": f"{version} {key}" for n in range(4)}
            | {f"number_{n}": Decimal(key + version) / 4 for n in range(4)}
            | {"at": AT, "is_paying": key % 2 == 0}
            for key in range(10_000)
        ]
        if sparse:
            # Every field is missing by a pattern of its own: over a thousand combinations.
            payloads = [
                {name: v for bit, (name, v) in enumerate(payload.items()) if key >> bit & 1}
                for key, payload in enumerate(payloads)
            ]
        return [change(str(key), **payload) for key, payload in enumerate(payloads)]

    destination = postgres.connect()
    adding, changing = batch(*rows(0)), batch(*rows(1))
    removing = batch(*(remove(str(key)) for key in range(10_000)))
    for asked in (adding, changing, removing):
        answers = destination.send(asked)
        assert len([answer for answer in answers if answer.is_accepted]) == 10_000
    assert postgres.rows() == []


# Whose rows they are


@pytest.fixture
def shared(database: Database) -> Database:
    """A table that others write to as well."""
    database.do(
        "create table members (entity_key varchar(20) primary key, name varchar(20),"
        " theirs varchar(20), archived_at timestamp, _strata_sync varchar(50))",
        "insert into members values ('a', 'Ann', 'x', null, null)",
        "insert into members values ('b', 'Bob', 'x', null, 'sync_others')",
        f"insert into members values ('c', 'Cyd', 'x', null, '{SYNC}')",
    )
    return database


@pytest.mark.usefixtures("each_way")
def test_rows_that_the_sync_did_not_write_are_left_alone(shared: Database) -> None:
    before = shared.rows()
    destination = shared.connect()
    changed = send(destination, change("a", name="!"), change("b", name="!"), change("c", name="C"))
    assert changed["c"] is None
    assert "this sync did not write (_strata_sync says so)" in str(changed["a"])
    assert changed["a"] == changed["b"]
    assert send(destination, remove("a"), remove("b")) == {"a": None, "b": None}
    assert shared.rows() == [*before[:2], {**before[2], "name": "C"}]


def test_columns_of_others_are_left_alone(shared: Database) -> None:
    send(shared.connect(), change("c", name="C"), add("d", name="Dan"))
    assert [row["theirs"] for row in shared.rows()] == ["x", "x", "x", None]


def test_who_was_there_before(shared: Database) -> None:
    rows = [add("a"), add("b"), add("c"), add("d")]
    assert set(shared.connect().present(rows)) == {"a"}


def test_who_is_held(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "KEYS_AT_A_TIME", 2)
    destination = shared.connect(archived_at="archived_at")
    send(destination, *(add(key, name="x") for key in "defgh"))
    assert sorted(destination.held()) == list("bcdefgh")
    send(destination, remove("e"))
    assert sorted(destination.held()) == list("bcdfgh")


def test_a_table_that_is_not_there_holds_nobody(database: Database) -> None:
    destination = database.connect()
    assert list(destination.held()) == []
    assert list(destination.present([add("a")])) == []
    assert list(destination.applied(batch(add("a", x=1)))) == []
    assert send(destination, remove("a")) == {"a": None}


def test_what_was_applied(database: Database) -> None:
    destination = database.connect()
    send(destination, add("a", **PAYLOAD), add("b", **PAYLOAD), add("c", **PAYLOAD))
    send(destination, add("d", **PAYLOAD), sync="sync_others")
    asked = batch(
        add("a", **PAYLOAD),
        change("b", **{**PAYLOAD, "mrr": Decimal("12.51")}),
        remove("c"),
        add("d", **PAYLOAD),
        add("e", **PAYLOAD),
        remove("f"),
        remove("d"),
    )
    assert destination.applied(asked) == ["a", "f", "d"]


def test_members_may_be_known_by_another_identifier(database: Database) -> None:
    def known(operation: str, key: str, by: str, *formerly: str, **payload: object) -> Row:
        content = payload if operation != "remove" else None
        return Row(operation, key, f"{operation}-{key}", content, by, formerly)

    destination = database.connect(key="email")
    first = [known("add", "1", "ann@x", n=1), known("add", "2", "bob@x", n=2, note="Bob")]
    assert send(destination, *first, known("add", "3", "cyd@x", n=3)) == dict.fromkeys("123")
    moved = [
        known("change", "1", "bob@x", "ann@x", n=1),
        known("change", "2", "rob@x", "bob@x", n=2),
        known("remove", "3", "cyd@x"),
    ]
    assert destination.applied(batch(*moved)) == []
    for _attempt in range(2):
        assert send(destination, *moved) == dict.fromkeys("123")
        left = [(row["email"], row["n"], row["note"]) for row in database.rows()]
        assert left == [("bob@x", 1, None), ("rob@x", 2, None)]
    assert destination.applied(batch(moved[1], moved[2])) == ["3"]
    assert sorted(destination.held()) == ["bob@x", "rob@x"]


# Archiving


def test_who_leaves_is_archived_and_comes_back(database: Database) -> None:
    destination = database.connect(archived_at="archived_at")
    send(destination, add("a", name="Ann"), add("b", name="Bob"))
    assert send(destination, remove("a")) == {"a": None}
    assert destination.applied(batch(remove("a"), remove("b"))) == ["a"]
    later = database.connect(archived_at="archived_at", now=lambda: NOON + timedelta(days=1))
    send(later, remove("a"))
    left = [row["archived_at"] for row in database.rows()]
    assert (str(left[0])[:19], left[1]) == (str(NOON), None)
    assert destination.applied(batch(add("a", name="Ann"))) == []
    send(destination, add("a", name="Ann"))
    assert [row["archived_at"] for row in database.rows()] == [None, None]


def test_mode_archive_marks_rows_that_a_sync_wrote(shared: Database) -> None:
    destination = shared.connect(archived_at="archived_at")
    asked = [archive("a"), archive("b"), archive("c"), archive("d")]
    assert destination.applied(batch(*asked)) == ["d"]
    for _attempt in range(2):
        answers = send(destination, *asked)
        assert answers.pop("a") is not None
        assert set(answers.values()) == {None}
    assert [row["archived_at"] is not None for row in shared.rows()] == [False, True, True]
    assert destination.applied(batch(*asked)) == ["b", "c", "d"]


def test_mode_archive_needs_its_column(shared: Database) -> None:
    with pytest.raises(DestinationStopped, match="needs the setting archived_at_column"):
        send(shared.connect(), archive("c"))


# Tables that do not fit


def test_a_table_that_may_not_be_made(database: Database) -> None:
    with pytest.raises(DestinationStopped, match="there is no table members; make it, or set"):
        send(database.connect(create_table=False), add("a", x=1))


def test_columns_that_somebody_elses_table_lacks(shared: Database) -> None:
    message = (
        r"members has no column mrr, plan; it has: entity_key, name, theirs, archived_at, "
        r"_strata_sync$"
    )
    with pytest.raises(DestinationStopped, match=message):
        send(shared.connect(), add("d", name="Dan", mrr=1, plan=None))
    assert len(shared.rows()) == 3


def test_a_table_made_by_strata_is_not_altered_where_that_is_forbidden(database: Database) -> None:
    send(database.connect(), add("a", x=1))
    with pytest.raises(DestinationStopped, match="members has no column y; it has: entity_key, x"):
        send(database.connect(create_table=False), add("a", x=1, y=1))


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ("entity_key text primary key, x int", {}, "no column _strata_sync; it has: entity_key, x"),
        ("x int, _strata_sync text", {}, "no column entity_key; it has: x, _strata_sync"),
        ("entity_key text, x int, _strata_sync text", {}, "entity_key is not unique in members"),
        (
            "entity_key text, x int, _strata_sync text, primary key (entity_key, x)",
            {},
            "entity_key is not unique in members",
        ),
        (
            "entity_key text primary key, x int, _strata_sync text",
            {"archived_at": "archived_at"},
            "no column archived_at; it has",
        ),
    ],
)
def test_a_table_that_does_not_fit(
    database: Database, columns: str, options: dict[str, str], message: str
) -> None:
    database.do(f"create table members ({columns})")
    with pytest.raises(DestinationStopped, match=message):
        send(database.connect(**options), add("a", x=1))


@pytest.mark.parametrize("index", ["unique", "unique where"])
def test_a_unique_index_will_do_but_not_a_partial_one(tmp_path: Path, index: str) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.do(
        "create table members (entity_key text, x int, _strata_sync text)",
        "create unique index one on members (entity_key)"
        + (" where x > 0" if index.endswith("where") else ""),
    )
    if index == "unique":
        assert send(database.connect(), add("a", x=1)) == {"a": None}
    else:
        with pytest.raises(DestinationStopped, match="is not unique"):
            send(database.connect(), add("a", x=1))


@pytest.mark.parametrize("field", ["entity_key", "_strata_sync"])
def test_fields_that_strata_fills_itself(database: Database, field: str) -> None:
    with pytest.raises(DestinationStopped, match=f"the field {field} is a column that Strata"):
        send(database.connect(), add("a", **{field: "x"}))


def test_a_table_that_is_made_in_the_meantime_is_found(database: Database) -> None:
    destination = database.connect(create_table=False)
    with pytest.raises(DestinationStopped):
        send(destination, add("a", x=1))
    database.do("create table members (entity_key text primary key, x int, _strata_sync text)")
    assert send(destination, add("a", x=1)) == {"a": None}


# Rows that are refused

STRICT = (
    "create table members (entity_key varchar(20) primary key, email varchar(20) not null unique,"
    " seats int check (seats < 1000), plan varchar(5), _strata_sync varchar(50))"
)


def strict(database: Database) -> SqlTableDestination:
    database.do(STRICT)
    destination = database.connect()
    send(destination, add("a", email="ann@example.com", seats=1))
    return destination


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    ("row", "words"),
    [
        (add("b", seats=777), ("null value in column", "NOT NULL constraint failed")),
        (
            add("b", email="ann@example.com"),
            ("unique constraint", "UNIQUE constraint failed: members.email"),
        ),
        (add("b", email="bob@example.com", seats=7777), ("check constraint", "CHECK constraint")),
    ],
)
def test_a_row_that_breaks_a_constraint(
    database: Database, row: Row, words: tuple[str, str]
) -> None:
    destination = strict(database)
    send(destination, add("z", email="zoe@example.com"))
    before = database.rows()
    with pytest.raises(BatchRefused) as refused:
        send(destination, add("c", email="cyd@example.com"), row, remove("z"))
    assert any(each.lower() in str(refused.value).lower() for each in words)
    assert database.rows() == before
    # Neither in the words nor in what a traceback would show of where they come from.
    assert "@example.com" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"plan": "ann@example.com"}, "22001: value too long for type character varying(5)"),
        ({"seats": "ann@example.com"}, '22P02: invalid input syntax for type integer: "…"'),
        ({"seats": 99_999_999_999}, "22003: integer out of range"),
        ({"plan": "a\x00b"}, "A string literal cannot contain NUL (0x00) characters."),
        ({"plan": "\ud800"}, "'…' codec can't encode character '…' in position 0"),
    ],
)
def test_values_that_postgres_cannot_hold(
    postgres: Database, payload: Mapping[str, object], words: str
) -> None:
    destination = strict(postgres)
    with pytest.raises(BatchRefused) as refused:
        send(destination, change("a", **{"email": "ann@example.com", **payload}))
    assert str(refused.value).startswith(words)
    assert send(destination, change("a", email="anna@example.com")) == {"a": None}


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_number_that_is_too_large(tmp_path: Path, kind: str) -> None:
    database = Database(f"{kind}:///{tmp_path}/x.db")
    destination = strict(database)
    with pytest.raises(BatchRefused, match=r"too large|out of range|[Cc]onver"):
        send(destination, change("a", email="a", seats=2**70))
    assert database.rows()[0]["seats"] == 1


@pytest.mark.postgres
def test_what_a_trigger_says_is_shown_without_the_members_values(postgres: Database) -> None:
    destination = strict(postgres)
    postgres.do(
        "create function no() returns trigger language plpgsql as $$ begin"
        " raise exception 'no plan %% for %%, ask \"sales\"', new.plan, new.email; end $$",
        "create trigger no before insert on members for each row execute function no()",
    )
    with pytest.raises(BatchRefused) as refused:
        send(destination, add("b", email="bob@example.com", plan="gold"))
    assert str(refused.value) == 'P0001: no plan … for …, ask "…"'


def test_a_runner_finds_the_row_at_fault(database: Database, tmp_path: Path) -> None:
    database.do(
        "create table members (entity_key varchar(20) primary key, mrr decimal(18, 2),"
        " email varchar(99) check (email <> 'cyd@example.com'), _strata_sync varchar(50))"
    )
    warehouse = Warehouse(
        sa.create_engine(f"duckdb:///{tmp_path}/warehouse.db", poolclass=NullPool)
    )
    warehouse.create_tables()
    warehouse.audience({"a": "ann", "b": "bob", "c": "cyd", "d": "dan"})
    sync = make_sync(Given(make=database.connect), destination="sql_table", batch_size=4)
    report = warehouse.run(sync)
    assert (report.added, report.rejected) == (3, 1)
    assert database.keys() == ["a", "b", "d"]
    error = warehouse.ledger()["c"]["last_error"]
    assert "check constraint" in error.lower()
    assert "cyd" not in error
    warehouse.audience({"a": "ann", "c": "cyril"})
    report = warehouse.run(make_sync(sync.settings, batch_size=4, max_removal_share=1.0))
    assert (report.removed, report.added, report.changed) == (2, 1, 0)
    assert database.keys() == ["a", "c"]


# Failures that pass


class Proxy:
    """Stands before PostgreSQL and cuts the connection when a commit is asked for."""

    def __init__(self, database: Database) -> None:
        url = sa.make_url(database.url)
        self._target = ("127.0.0.1", url.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.set(port=self._listener.getsockname()[1]).render_as_string()
        self.cuts: list[str] = []
        """What to do with the next commits: lose them, or lose their answer."""
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            pair = (client, socket.create_connection(self._target))
            for forward in (self._to_server, self._to_client):
                threading.Thread(target=forward, args=pair, daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            cut = self.cuts.pop() if b"COMMIT" in data and self.cuts else None
            if cut:
                client.shutdown(socket.SHUT_RDWR)
            if cut != "commit":
                server.sendall(data)
        # Half of it: what was sent is carried out before the server notices.
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            with suppress(OSError):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        server.close()


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


@pytest.mark.postgres
@pytest.mark.parametrize("lost", ["commit", "answer"])
def test_a_commit_without_an_answer(postgres: Database, lost: str) -> None:
    send(postgres.connect(), add("a", name="Ann"))
    with Proxy(postgres) as proxy:
        destination = postgres.connect(url=proxy.url, max_retries=0)
        asked = batch(change("a", name="Anna"))
        assert destination.applied(asked) == []
        proxy.cuts.append(lost)
        with pytest.raises(NoAnswer, match=r"server closed the connection .*\(tried 1 time\)"):
            destination.send(asked)
        deadline = time.monotonic() + 5
        while lost == "answer" and not destination.applied(asked):
            assert time.monotonic() < deadline
        assert destination.applied(asked) == ([] if lost == "commit" else ["a"])
        proxy.cuts.append(lost)
        patient = postgres.connect(url=proxy.url, max_retries=1)
        assert send(patient, *asked.rows) == {"a": None}
    assert postgres.rows()[0]["name"] == "Anna"
    assert postgres.waits == [1.0]


@pytest.mark.postgres
def test_a_deadlock_is_tried_again(postgres: Database) -> None:
    destination = postgres.connect()
    send(destination, add("a", x=0), add("b", x=0))
    other = sa.create_engine(postgres.url, poolclass=NullPool)
    with other.connect() as connection:
        connection.exec_driver_sql("update members set x = 5 where entity_key = 'b'")
        sending = threading.Thread(
            target=lambda: send(destination, change("a", x=1), change("b", x=1))
        )
        sending.start()
        # Until the batch has written a and waits for b.
        wait_for(lambda: bool(postgres.rows("select 1 from pg_locks where not granted")))
        connection.exec_driver_sql("update members set x = 5 where entity_key = 'a'")
        connection.commit()
        sending.join(timeout=10)
    assert [row["x"] for row in postgres.rows()] == [1, 1]
    assert postgres.waits == [1.0]


@pytest.mark.postgres
def test_a_lock_that_is_held_for_long_is_no_answer(postgres: Database) -> None:
    send(postgres.connect(), add("a", x=0))
    destination = postgres.connect(timeout_seconds=0.2, max_retries=0)
    other = sa.create_engine(postgres.url, poolclass=NullPool)
    with other.connect() as connection:
        connection.exec_driver_sql("update members set x = 5")
        with pytest.raises(NoAnswer, match=r"57014: canceling statement due to statement timeout"):
            send(destination, change("a", x=1))
    assert postgres.rows()[0]["x"] == 0


def test_sqlite_that_another_process_writes_to_is_no_answer(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    send(database.connect(), add("a", x=0))
    destination = database.connect(timeout_seconds=0.01, max_retries=2)
    other = sa.create_engine(database.url, poolclass=NullPool)
    with other.connect() as connection:
        connection.exec_driver_sql("begin immediate")
        with pytest.raises(NoAnswer, match=r"database is locked \(tried 3 times\)"):
            send(destination, change("a", x=1))
    assert database.waits == [1.0, 2.0]
    assert send(destination, change("a", x=1)) == {"a": None}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Failures that need a person


GUESTS_PASSWORD = "hush-hush"


@pytest.fixture
def guarded(postgres: Database) -> Iterator[Database]:
    """PostgreSQL that asks one role for a password."""
    (row,) = postgres.rows("select current_setting('hba_file') as path")
    rules = postgres.rows("select pg_read_file(current_setting('hba_file')) as text")[0]["text"]
    asks = "host all guest 127.0.0.1/32 scram-sha-256\n"
    write_rules(postgres, row["path"], asks + rules)
    postgres.do(
        f"create role guest login password '{GUESTS_PASSWORD}'",
        "grant usage on schema public to guest",
    )
    yield postgres
    postgres.do("drop owned by guest", "drop role guest")
    write_rules(postgres, row["path"], rules)


def write_rules(database: Database, path: str, rules: str) -> None:
    lines = [line for line in rules.splitlines() if line and not line.startswith("#")]
    union = " union all ".join(f"select '{line}'" for line in lines)
    database.do(f"copy ({union}) to '{path}'", "select pg_reload_conf()")
    # The server reads them in its own time.
    wait_for(lambda: len(database.rows("select 1 from pg_hba_file_rules")) == len(lines))


def as_guest(database: Database, password: str = GUESTS_PASSWORD) -> str:
    url = sa.make_url(database.url).set(username="guest", password=password)
    return url.render_as_string(hide_password=False)


@pytest.mark.postgres
def test_a_wrong_password(guarded: Database) -> None:
    url = as_guest(guarded, "not-the-password")
    with pytest.raises(DestinationStopped, match="password authentication failed") as stopped:
        send(guarded.connect(url=url), add("a", x=1))
    assert "not-the-password" not in str(stopped.value)
    assert guarded.waits == []


@pytest.mark.postgres
def test_a_right_password_without_privileges(guarded: Database) -> None:
    destination = guarded.connect(url=as_guest(guarded))
    with pytest.raises(DestinationStopped, match="42501: permission denied for schema public"):
        send(destination, add("a", x=1))
    send(guarded.connect(), add("a", x=1))
    with pytest.raises(DestinationStopped, match="42501: permission denied for table members"):
        send(destination, change("a", x=2))
    guarded.do("grant select, insert, update, delete on members to guest")
    assert send(destination, change("a", x=2), remove("b")) == {"a": None, "b": None}


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("database", "role", "words"),
    [
        ("nowhere", "strata", 'database "nowhere" does not exist'),
        ("crm", "nobody", 'role "nobody" does not exist'),
    ],
)
def test_nothing_there(postgres: Database, database: str, role: str, words: str) -> None:
    url = sa.make_url(postgres.url).set(database=database, username=role)
    with pytest.raises(DestinationStopped, match=words):
        send(postgres.connect(url=url.render_as_string(hide_password=False)), add("a", x=1))


@pytest.mark.postgres
def test_a_schema_that_is_not_there(postgres: Database) -> None:
    with pytest.raises(DestinationStopped, match='3F000: schema "nowhere" does not exist'):
        send(postgres.connect(db_schema="nowhere"), add("a", x=1))


def test_a_server_that_does_not_answer(database: Database) -> None:
    url = "postgresql+psycopg2://me:hush-hush@127.0.0.1:1/crm"
    destination = database.connect(url=url, max_retries=2)
    with pytest.raises(NoAnswer, match=r"Connection refused .*tried 3 times") as silence:
        send(destination, add("a", x=1))
    assert database.waits == [1.0, 2.0]
    assert "hush-hush" not in str(silence.value)
    assert destination.address == "postgresql://127.0.0.1:1/crm table members"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nowhere/x.db")
    with pytest.raises(DestinationStopped, match="unable to open database file"):
        send(database.connect(), add("a", x=1))


def test_a_duckdb_file_may_be_the_warehouse_itself(tmp_path: Path) -> None:
    database = Database(f"duckdb:///{tmp_path}/warehouse.db")
    with duckdb_engine(tmp_path / "warehouse.db").connect() as warehouse:
        warehouse.exec_driver_sql("create table t (x int)")
        assert send(database.connect(), add("a", x=1)) == {"a": None}


class ToldBy(Exception):
    """An error of a driver that gives a SQLSTATE."""

    def __init__(self, state: str | None, *args: object) -> None:
        super().__init__(*args)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("kind", "cause", "expected"),
    [
        (DBAPIError, ToldBy("40001", "could not serialize"), Passing),
        (DBAPIError, ToldBy("40P01", "deadlock detected"), Passing),
        (DBAPIError, ToldBy("08006", "connection failure"), Passing),
        (DBAPIError, ToldBy("57P01", "terminating connection"), Passing),
        (DBAPIError, ToldBy("53300", "too many connections"), Passing),
        (DBAPIError, ToldBy("25006", "read-only transaction"), DestinationStopped),
        (DBAPIError, ToldBy("42P01", "no such relation"), DestinationStopped),
        (DBAPIError, ToldBy("44000", "check option"), BatchRefused),
        (DBAPIError, ToldBy("54000", "index row too large"), BatchRefused),
        # MySQL's drivers give numbers.
        (
            OperationalError,
            ToldBy("HY000", 3819, "Constraint 'x' is violated"),
            BatchRefused,
        ),
        (OperationalError, ToldBy("40001", 1213, "Deadlock found"), Passing),
        (OperationalError, ToldBy(None, 1045, "Access denied for user 'x'"), DestinationStopped),
        (OperationalError, ToldBy("HY000", 1205, "Lock wait timeout exceeded"), Passing),
        (IntegrityError, ToldBy(None, 1062, "Duplicate entry 'ann' for key 'x'"), BatchRefused),
    ],
)
def test_errors_are_sorted(
    kind: type[DBAPIError], cause: Exception, expected: type[Exception]
) -> None:
    error = kind("insert …", {}, cause)
    made = explained(error, values=["hush"], names=["t"], secret="")
    assert type(made) is expected
    assert "ann" not in str(made)
    assert "(" not in str(made)


# Settings


def settings(**changes: Any) -> SqlTableSettings:
    return SqlTableSettings(**{"url_env": "CRM_DATABASE", "table": "members", **changes})


def test_the_address_comes_from_the_environment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE", database.url)
    made = settings(key_column="member", archived_at_column="left_at").connect(utc_now)
    assert isinstance(made, SqlTableDestination)
    assert send(made, add("a", x=1), remove("a")) == {"a": None}
    made.close()
    (row,) = database.rows()
    assert list(row) == ["member", "x", "left_at", "_strata_sync"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "environment variable CRM_DATABASE is not set; it holds the database's SQLAlchemy"),
        ("hush-hush", "the database's address cannot be read; accepted: an SQLAlchemy address"),
        ("pg://me:hush-hush@h:port/x", "the database's address cannot be read"),
        ("carrierpigeon://me:hush-hush@h/x", "no SQLAlchemy dialect for carrierpigeon"),
        ("oracle+cx_oracle://me:hush-hush@h/x", "driver of oracle.cx_oracle is not installed"),
        ("postgresql+asyncpg://me:hush-hush@h/x", "postgresql.asyncpg is an asynchronous driver"),
    ],
)
def test_addresses_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    monkeypatch.delenv("CRM_DATABASE", raising=False)
    if url:
        monkeypatch.setenv("CRM_DATABASE", url)
    with pytest.raises(UsageError, match=message) as refused:
        settings().connect(utc_now)
    assert "hush-hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": ""}, "at least 1 character"),
        ({"key_column": "_strata_sync"}, "a column other than _strata_sync"),
        (
            {"archived_at_column": "entity_key"},
            "a column other than _strata_sync and entity_key",
        ),
        ({"create_table": "yes"}, "valid boolean"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
