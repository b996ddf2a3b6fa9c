"""The statements that change or read a batch's rows, each inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from orchestration.destinations.base import Row
from orchestration.destinations.sql_table.errors import Unusable
from orchestration.destinations.sql_table.settings import SYNC_COLUMN
from orchestration.destinations.sql_table.tables import Found, Place, as_text, fitted

# Fewer parameters in one statement than most databases take.
KEYS_AT_A_TIME = 1_000
# Dialects whose upsert leaves a row alone that a condition excludes, and says which it wrote.
NATIVE_UPSERTS: Mapping[str, Callable[..., Any]] = {
    "duckdb": postgresql.insert,
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


@dataclass(frozen=True, slots=True)
class Target:
    """A table as one sync writes it."""

    place: Place
    found: Found
    sync_name: str

    @property
    def key(self) -> sa.Column[Any]:
        """The column with the members' keys."""
        return self.found.table.c[self.place.key]

    @property
    def owner(self) -> sa.Column[Any]:
        """The column that names the sync a row belongs to."""
        return self.found.table.c[SYNC_COLUMN]

    @property
    def archived_at(self) -> sa.Column[Any] | None:
        """The column that is set for who left, where there is one."""
        named = self.place.archived_at
        return self.found.table.c[named] if named else None

    def fitted(self, field: str, value: object) -> object:
        """A payload's value as the column takes it."""
        return fitted(value, self.found.table.c[field].type)


@dataclass(frozen=True, slots=True)
class Group:
    """Members whose payloads one statement can write."""

    fields: Sequence[str]
    kept: Collection[str]
    """Fields of which a null means that the payload lacks the field."""
    rows: Sequence[Row]


Write = Callable[[sa.Connection, Target, Group], set[str]]
"""Writes a group; returns the keys of the rows that are the sync's afterwards."""


def groups(rows: Sequence[Row], found: Found) -> list[Group]:
    """Sort members by the fields that their payloads have, into as few groups as possible.

    Payloads lack the fields that are null, so in a sparse audience nearly every one has
    fields of its own. A field that is never cleared is therefore written in all rows, and
    kept where the value is null. Not so where a new row has the column's default without it.
    """
    payloads = [row.payload or {} for row in rows]
    fields = [
        name
        for name in dict.fromkeys(name for payload in payloads for name in payload)
        if name in found.table.c
    ]
    cleared = {name for payload in payloads for name, value in payload.items() if value is None}
    everywhere = set(fields).intersection(*payloads) if payloads else set()
    kept = set(fields) - cleared - everywhere - set(found.with_default)
    by_fields: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row, payload in zip(rows, payloads, strict=True):
        by_fields[tuple(name for name in fields if name in payload or name in kept)].append(row)
    return [Group(names, kept, members) for names, members in by_fields.items()]


def upsert(insert: Callable[..., Any]) -> Write:
    """Write a group by the database's own upsert, in as few statements as it allows."""

    def write(connection: sa.Connection, target: Target, group: Group) -> set[str]:
        statement = insert(target.found.table)
        new, table = statement.excluded, target.found.table
        values = {
            name: sa.func.coalesce(new[name], table.c[name]) if name in group.kept else new[name]
            for name in (SYNC_COLUMN, *group.fields)
        }
        written = _execute(
            connection,
            # `returning` leaves out what `where` excluded, and makes SQLAlchemy write many
            # rows with one statement, which it otherwise does not do with `on conflict`.
            statement.on_conflict_do_update(
                index_elements=[target.key],
                set_=values | _unarchived(target),
                where=target.owner == target.sync_name,
            ).returning(target.key),
            [_new_row(target, group, row) for row in group.rows],
        )
        keys = [as_key(key) for key in written.scalars()]
        if len(keys) == len(group.rows):
            # The column's type may give keys back in another form, blank-padded for example.
            return {key_of(row) for row in group.rows}
        return set(keys)

    return write


def update_or_insert(connection: sa.Connection, target: Target, group: Group) -> set[str]:
    """Write a group by an update of the rows that are there and an insert of the others.

    A row that somebody inserts in between makes the insert fail, and with it the transaction.
    """
    owners = {
        as_key(key): owner
        for keys in _chunks([key_of(row) for row in group.rows])
        for key, owner in connection.execute(
            _locked(connection, sa.select(target.key, target.owner).where(target.key.in_(keys)))
        )
    }
    ours = [row for row in group.rows if owners.get(key_of(row)) == target.sync_name]
    new = [row for row in group.rows if key_of(row) not in owners]
    table = target.found.table
    parameters = {name: f"value_{number}" for number, name in enumerate(group.fields)}
    values: dict[str, Any] = _unarchived(target)
    for name, parameter in parameters.items():
        value = sa.bindparam(parameter, type_=table.c[name].type)
        values[name] = sa.func.coalesce(value, table.c[name]) if name in group.kept else value
    if ours and values:
        _execute(
            connection,
            sa.update(table)
            .where(target.key == sa.bindparam("key_"), target.owner == target.sync_name)
            .values(values),
            [
                {"key_": key_of(row)}
                | {
                    parameter: target.fitted(name, (row.payload or {}).get(name))
                    for name, parameter in parameters.items()
                }
                for row in ours
            ],
        )
    if new:
        _execute(connection, sa.insert(table), [_new_row(target, group, row) for row in new])
    return {key_of(row) for row in (*ours, *new)}


def remove(connection: sa.Connection, target: Target, keys: Sequence[str], now: datetime) -> None:
    """Delete or archive rows of the sync; those that are not there or not its own are left."""
    for some in _chunks(keys):
        chosen = target.key.in_(some), target.owner == target.sync_name
        if target.archived_at is None:
            connection.execute(sa.delete(target.found.table).where(*chosen))
        else:
            _set_archived(connection, target, chosen, now)


def archive(
    connection: sa.Connection, target: Target, keys: Sequence[str], now: datetime
) -> set[str]:
    """Archive rows of any sync; return the keys of those that no sync wrote."""
    left = set()
    for some in _chunks(keys):
        _set_archived(connection, target, (target.key.in_(some), target.owner.is_not(None)), now)
        left.update(unmarked(connection, target, some))
    return left


def unmarked(connection: sa.Connection, target: Target, keys: Sequence[str]) -> set[str]:
    """Those of the keys whose row no sync wrote."""
    found: set[str] = set()
    for some in _chunks(keys):
        query = sa.select(target.key).where(target.key.in_(some), target.owner.is_(None))
        found.update(map(as_key, connection.execute(query).scalars()))
    return found


def stored(
    connection: sa.Connection, target: Target, rows: Sequence[Row]
) -> dict[str, dict[str, Any]]:
    """The rows of a batch as the table has them, by key, each a value by column."""
    fields = {name for row in rows for name in row.payload or {}}
    columns = [
        column
        for column in target.found.table.c
        if column.name in fields or column.name in target.place.own_columns
    ]
    return {
        as_key(row[target.place.key]): dict(row)
        for keys in _chunks([key for row in rows for key in (key_of(row), *row.former_identifiers)])
        for row in connection.execute(sa.select(*columns).where(target.key.in_(keys))).mappings()
    }


def page_of_keys(connection: sa.Connection, target: Target, after: object) -> list[Any]:
    """The next keys, in the database's order, of rows that a sync wrote and nobody archived."""
    chosen: list[sa.ColumnElement[bool]] = [target.owner.is_not(None)]
    if after is not None:
        chosen.append(target.key > after)
    if target.archived_at is not None:
        chosen.append(target.archived_at.is_(None))
    return list(
        connection.execute(
            sa.select(target.key).where(*chosen).order_by(target.key).limit(KEYS_AT_A_TIME)
        ).scalars()
    )


def key_of(row: Row) -> str:
    """What the key column holds for a member."""
    return row.entity_key if row.identifier is None else row.identifier


def as_key(value: object) -> str:
    """A key as the ledger writes it, from what a column of any type gives back."""
    return as_text(value).rstrip(" ")


def _new_row(target: Target, group: Group, row: Row) -> dict[str, object]:
    payload = row.payload or {}
    return {
        target.place.key: key_of(row),
        SYNC_COLUMN: target.sync_name,
        **{name: target.fitted(name, payload.get(name)) for name in group.fields},
    }


def _unarchived(target: Target) -> dict[str, Any]:
    return {} if target.archived_at is None else {target.archived_at.name: sa.null()}


def _set_archived(
    connection: sa.Connection,
    target: Target,
    chosen: Sequence[sa.ColumnElement[bool]],
    now: datetime,
) -> None:
    column = target.archived_at
    assert column is not None  # noqa: S101 - the callers have looked
    connection.execute(
        sa.update(target.found.table)
        .where(*chosen, column.is_(None))
        .values({column.name: target.fitted(column.name, now)})
    )


def _locked(connection: sa.Connection, query: sa.Select[Any]) -> sa.Select[Any]:
    # These two let one transaction write at a time, and DuckDB refuses the clause.
    return query if connection.dialect.name in ("duckdb", "sqlite") else query.with_for_update()


def _execute(
    connection: sa.Connection, statement: Any, rows: Sequence[dict[str, object]]
) -> sa.CursorResult[Any]:
    try:
        return connection.execute(statement, rows)
    except (OverflowError, ValueError) as error:
        # Drivers raise these past SQLAlchemy.
        problem = Unusable(str(error))
    raise problem


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(keys), KEYS_AT_A_TIME):
        yield keys[first : first + KEYS_AT_A_TIME]
