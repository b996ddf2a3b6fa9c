"""Keeps an audience as rows of a table; each batch is one transaction.

A row belongs to the sync that its `_strata_sync` names. Rows that say something else, or
nothing, are somebody else's: they are neither changed nor deleted.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from orchestration.destinations.base import Answer, Batch, Clock, DestinationStopped, Row
from orchestration.destinations.calls import Calls, Reply
from orchestration.destinations.sql_table import rows as statements
from orchestration.destinations.sql_table import tables
from orchestration.destinations.sql_table.errors import Passing, Unusable, explained
from orchestration.destinations.sql_table.rows import Target, Write, as_key, key_of
from orchestration.destinations.sql_table.settings import SYNC_COLUMN
from orchestration.destinations.sql_table.tables import Found, Place, Type, is_same
from orchestration.errors import UsageError
from orchestration.warehouse import duckdb_engine

T = TypeVar("T")

_NOT_OURS = (
    f"the table has a row with this key that this sync did not write ({SYNC_COLUMN} says so); "
    "it was left as it is"
)
_ADDRESS = "an SQLAlchemy address such as postgresql+psycopg2://user:password@host/database"


class SqlTableDestination:
    """A client for one table. Not safe for use by several threads."""

    def __init__(
        self,
        url: str,
        place: Place,
        *,
        create_table: bool = True,
        timeout_seconds: float = 60.0,
        max_retries: int = 3,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = _engine(url, timeout_seconds)
        self._place = place
        self._create_table = create_table
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._call = Calls(
            lambda error: Reply(None, str(error)) if isinstance(error, Passing) else None,
            max_retries=max_retries,
            sleep=sleep,
        )
        self._found: Found | None = None
        self.address = f"{_shown(self._engine.url)} table {place.shown}"

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Apply a batch in one transaction; repeating one that was applied changes nothing.

        Raises:
            BatchRefused: a constraint or a type refuses a row; all of it was rolled back.
            DestinationStopped: no access, no such table, or a column that it lacks.
            NoAnswer: nobody can say whether it was committed.
        """
        return self._attempts(batch.rows, lambda: self._send(batch))

    def applied(self, batch: Batch) -> Collection[str]:
        """Entity keys of the rows whose change the table shows already."""
        return self._attempts(batch.rows, lambda: self._applied(batch))

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Entity keys of the rows that the table has and no sync wrote."""
        return self._attempts(rows, lambda: self._present(rows))

    def held(self) -> Iterator[str]:
        """The keys of all rows that a sync wrote and that are not archived."""
        # In pages, each read in a transaction of its own and repeated where that may help.
        last: object = None
        while keys := self._attempts([], partial(self._page, last)):
            yield from map(as_key, keys)
            last = keys[-1]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _send(self, batch: Batch) -> Sequence[Answer]:
        found = self._ready(batch.rows)
        if found is None:
            return [Answer(row.entity_key) for row in batch.rows]
        target = Target(self._place, found, batch.sync_name)
        insert = statements.NATIVE_UPSERTS.get(self._engine.dialect.name)
        if insert is None:
            return self._apply(target, batch, statements.update_or_insert)
        try:
            return self._apply(target, batch, statements.upsert(insert))
        except IntegrityError:
            # An upsert is refused for what the insert lacks, even where the row exists and
            # would only be updated.
            return self._apply(target, batch, statements.update_or_insert)

    def _apply(self, target: Target, batch: Batch, write: Write) -> Sequence[Answer]:
        upserts = [row for row in batch.rows if row.is_upsert]
        # First, so that whoever takes over another's identifier has none of the other's fields.
        gone = {key for row in batch.rows for key in row.former_identifiers}
        gone |= {key_of(row) for row in batch.rows if row.operation == "remove"}
        archived = [key_of(row) for row in batch.rows if row.operation == "archive"]
        with self._transaction() as connection:
            statements.remove(connection, target, sorted(gone), self._now())
            left = statements.archive(connection, target, archived, self._now())
            for group in statements.groups(upserts, target.found):
                written = write(connection, target, group)
                left.update(key for row in group.rows if (key := key_of(row)) not in written)
        return [
            Answer(
                row.entity_key,
                _NOT_OURS if row.operation != "remove" and key_of(row) in left else None,
            )
            for row in batch.rows
        ]

    def _applied(self, batch: Batch) -> Collection[str]:
        if (found := self._find()) is None:
            return []
        target = Target(self._place, found, batch.sync_name)
        with self._transaction() as connection:
            stored = statements.stored(connection, target, batch.rows)
        return [row.entity_key for row in batch.rows if self._shows(stored, row, batch.sync_name)]

    def _shows(self, stored: Mapping[str, Mapping[str, Any]], row: Row, sync_name: str) -> bool:
        archived_at = self._place.archived_at

        def is_archived(key: str) -> bool:
            return bool(archived_at and key in stored and stored[key][archived_at] is not None)

        def is_held(key: str) -> bool:
            is_ours = key in stored and stored[key][SYNC_COLUMN] == sync_name
            return is_ours and not is_archived(key)

        key = key_of(row)
        if any(is_held(former) for former in row.former_identifiers):
            return False
        if row.operation == "remove":
            return not is_held(key)
        if row.operation == "archive":
            return key not in stored or is_archived(key)
        payload = row.payload or {}
        return is_held(key) and all(
            is_same(value, stored[key].get(name)) for name, value in payload.items()
        )

    def _present(self, rows: Sequence[Row]) -> Collection[str]:
        if (found := self._find()) is None:
            return []
        target = Target(self._place, found, "")
        with self._transaction() as connection:
            unmarked = statements.unmarked(connection, target, [key_of(row) for row in rows])
        return [row.entity_key for row in rows if key_of(row) in unmarked]

    def _page(self, after: object) -> list[Any]:
        if (found := self._find()) is None:
            return []
        with self._transaction() as connection:
            return statements.page_of_keys(connection, Target(self._place, found, ""), after)

    def _find(self) -> Found | None:
        if self._found is None:
            with self._transaction() as connection:
                self._found = tables.find(connection, self._place)
        return self._found

    def _ready(self, rows: Sequence[Row]) -> Found | None:
        """The table with a column for every field; None when there is nothing to remove."""
        place, types = self._place, _field_types(rows)
        if taken := [name for name in place.own_columns if name in types]:
            raise DestinationStopped(
                f"the field {', '.join(taken)} is a column that Strata fills itself "
                f"({', '.join(place.own_columns)}); map it to another name"
            )
        if any(row.operation == "archive" for row in rows) and not place.archived_at:
            raise DestinationStopped(
                "mode archive needs the setting archived_at_column: the column that is set"
            )
        known = {name: kind for name, kind in types.items() if kind is not None}
        found = self._find()
        if found is None:
            if not self._create_table:
                raise DestinationStopped(
                    f"there is no table {place.shown}; make it, or set create_table: true"
                )
            if not any(row.is_upsert for row in rows):
                return None
            with self._transaction() as connection:
                tables.create(connection, place, known)
            found = self._find()
        if found is None:
            raise Passing(f"{place.shown} is gone again")
        missing = [name for name in types if name not in found.table.c]
        if missing and not (self._create_table and found.is_own):
            raise DestinationStopped(
                f"{place.shown} has no column {', '.join(missing)}; "
                f"it has: {', '.join(found.table.c.keys())}"
            )
        # A field that is null in all of these rows shows no type; it waits for one that does.
        new = {name: known[name] for name in missing if name in known}
        if new:
            with self._transaction() as connection:
                tables.add_columns(connection, found, new)
            self._found = None
            return self._find()
        return found

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Not when connecting: poolers such as PgBouncer refuse options there.
                limit = math.ceil(self._timeout_seconds * 1000)
                connection.exec_driver_sql(f"set local statement_timeout = {limit}")
            yield connection

    def _attempts(self, rows: Sequence[Row], work: Callable[[], T]) -> T:
        return self._call(lambda: self._once(rows, work))

    def _once(self, rows: Sequence[Row], work: Callable[[], T]) -> T:
        problem: Exception
        try:
            return work()
        except (SQLAlchemyError, Unusable) as error:
            problem = explained(
                error,
                values=[value for row in rows for value in _values(row)],
                names={self._place.name, *(self._found.table.c.keys() if self._found else ())},
                secret=str(self._engine.url.password or ""),
            )
        # What the next attempt finds may be another table.
        self._found = None
        # Raised here, so that the error with the members' values is not its context.
        raise problem


def _engine(address: str, timeout_seconds: float) -> sa.Engine:
    try:
        url = sa.make_url(address)
        dialect = url.get_dialect()
        if dialect.is_async:
            raise UsageError(
                f"{url.drivername} is an asynchronous driver; accepted: one that is not, "
                "such as postgresql+psycopg2"
            )
        if url.get_backend_name() == "duckdb" and url.database and not url.query:
            # Another address of the file that is open as the warehouse is refused.
            return duckdb_engine(Path(url.database))
        return sa.create_engine(
            url,
            connect_args=_limits(url, timeout_seconds),
            hide_parameters=True,
            pool_pre_ping=True,
        )
    except NoSuchModuleError:
        problem = f"there is no SQLAlchemy dialect for {url.drivername}; accepted: {_ADDRESS}"
    except (ArgumentError, ValueError):
        # Their words may repeat the address, and with it the password.
        problem = f"the database's address cannot be read; accepted: {_ADDRESS}"
    except ImportError as error:
        problem = f"the driver of {url.drivername} is not installed: {error}"
    raise UsageError(problem)


def _limits(url: sa.URL, timeout_seconds: float) -> dict[str, object]:
    """How long each driver waits; what the address says itself is kept."""
    seconds = math.ceil(timeout_seconds)
    by_backend: dict[str, dict[str, object]] = {
        # A server that went away without a word is noticed, too.
        "postgresql": {
            "connect_timeout": seconds,
            "keepalives_idle": seconds,
            "tcp_user_timeout": seconds * 1000,
        },
        "mysql": {"connect_timeout": seconds},
        "mariadb": {"connect_timeout": seconds},
        # For another process that writes.
        "sqlite": {"timeout": timeout_seconds},
    }
    limits = by_backend.get(url.get_backend_name(), {})
    return {name: value for name, value in limits.items() if name not in url.query}


def _shown(url: sa.URL) -> str:
    server = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{server}/{url.database or ''}"


def _field_types(rows: Sequence[Row]) -> dict[str, Type | None]:
    values: dict[str, list[object]] = {}
    for row in rows:
        for name, value in (row.payload or {}).items():
            values.setdefault(name, []).append(value)
    return {name: tables.type_of(found) for name, found in values.items()}


def _values(row: Row) -> Iterator[object]:
    yield row.entity_key
    yield from (row.payload or {}).values()
