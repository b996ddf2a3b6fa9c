"""The table that holds an audience: what it is like, and making it where that is asked for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeEngine

from orchestration.destinations.base import DestinationStopped
from orchestration.destinations.sql_table.settings import SYNC_COLUMN

Type = TypeEngine[Any]

_KEY_TYPE = sa.Text().with_variant(sa.String(255), "mysql", "mariadb", "mssql", "oracle")
# Without digits a NUMERIC is exact on PostgreSQL and SQLite alone: elsewhere it rounds.
_DECIMAL = sa.Numeric(38, 9).with_variant(sa.Numeric(), "postgresql", "sqlite")
_INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
# In this order: a bool is an int, and a datetime is a date.
_TYPES: tuple[tuple[type, Type], ...] = (
    (bool, sa.Boolean()),
    (int, sa.BigInteger()),
    (Decimal, _DECIMAL),
    (float, sa.Double()),
    (datetime, _INSTANT),
    (date, sa.Date()),
)
# What SQLAlchemy converts well; everything else is left to the driver and the database.
_CONVERTED = (sa.Boolean, sa.Date, sa.DateTime, sa.Integer, sa.Numeric, sa.String)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table is, and which of its columns Strata fills itself."""

    name: str
    schema: str | None
    key: str
    archived_at: str | None

    @property
    def shown(self) -> str:
        """The qualified name, for messages."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def own_columns(self) -> list[str]:
        """Columns that no field may be mapped to."""
        return [self.key, SYNC_COLUMN, *([self.archived_at] if self.archived_at else [])]


@dataclass(frozen=True, slots=True)
class Found:
    """A table as the database describes it."""

    table: sa.Table
    with_default: Collection[str]
    """Columns that a new row need not give, because the database fills them."""
    is_own: bool
    """No other program can write rows to it, so it may be given further columns."""


def find(connection: sa.Connection, place: Place) -> Found | None:
    """Read what the table is like; None when it is not there.

    Raises:
        DestinationStopped: it lacks a column that Strata fills, or its key is not unique.
    """
    read = _read_duckdb if connection.dialect.name == "duckdb" else _read
    columns, unique = read(connection, place)
    if not columns:
        return None
    names = [column.name for column in columns]
    if missing := [name for name in place.own_columns if name not in names]:
        raise DestinationStopped(
            f"{place.shown} has no column {', '.join(missing)}; it has: {', '.join(names)}. "
            f"{SYNC_COLUMN} is a text that may be null: it marks the rows that may be changed"
        )
    if [place.key] not in unique:
        raise DestinationStopped(
            f"{place.key} is not unique in {place.shown}; accepted: a column that alone is the "
            "primary key or has a unique constraint"
        )
    return Found(
        table=sa.Table(place.name, sa.MetaData(), *columns, schema=place.schema),
        with_default=[column.name for column in columns if column.server_default is not None],
        is_own=not next(column for column in columns if column.name == SYNC_COLUMN).nullable,
    )


def create(connection: sa.Connection, place: Place, types: Mapping[str, Type]) -> None:
    """Make the table, with a column for each field."""
    columns = [
        _column(connection, place.key, _KEY_TYPE, primary_key=True),
        *(_column(connection, name, kind) for name, kind in types.items()),
        *([_column(connection, place.archived_at, _INSTANT)] if place.archived_at else []),
        _column(connection, SYNC_COLUMN, _KEY_TYPE, nullable=False),
    ]
    sa.Table(place.name, sa.MetaData(), *columns, schema=place.schema).create(connection)


def add_columns(connection: sa.Connection, found: Found, types: Mapping[str, Type]) -> None:
    """Give the table a column for each further field."""
    dialect = connection.dialect
    table = dialect.identifier_preparer.format_table(found.table)
    for name, kind in types.items():
        column = _column(connection, name, kind)
        sa.Table("_", sa.MetaData(), column)
        definition = CreateColumn(column).compile(dialect=dialect)
        connection.exec_driver_sql(f"alter table {table} add {definition}")


def type_of(values: Iterable[object]) -> Type | None:
    """The column type for values of one field; None when all are null."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return None
    found = [kind for python, kind in _TYPES if any(issubclass(each, python) for each in kinds)]
    if kinds <= {bool}:
        return found[0]
    if kinds <= {int, Decimal, float}:
        # The last of whole numbers, decimals and floats holds them all.
        return found[-1]
    if kinds == {datetime} or kinds == {date}:
        return next(kind for python, kind in _TYPES if python in kinds)
    return sa.Text()


def fitted(value: object, kind: Type) -> object:
    """A payload's value as the column's type takes it; instants are naive UTC."""
    if value is None:
        return None
    if isinstance(kind, sa.DateTime):
        return _instant(value, has_zone=kind.timezone)
    if isinstance(kind, sa.String):
        return as_text(value)
    return value


def is_same(value: object, held: object) -> bool:
    """Tell whether a column shows a payload's value; when in doubt it does not."""
    if value is None or held is None:
        return value is held
    if isinstance(held, date) and isinstance(value, date):
        return _instant(value, has_zone=False) == _instant(held, has_zone=False)
    if isinstance(held, int | float | Decimal) and isinstance(value, int | float | Decimal):
        return _exact(value) == _exact(held)
    return as_text(value) == as_text(held)


def as_text(value: object) -> str:
    """A value as text, the same way as in a CSV file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value)


def _exact(number: float | Decimal) -> Decimal:
    # A float is taken for the decimal that it is written as, which is how it arrived.
    return Decimal(str(number)) if isinstance(number, float) else Decimal(number)


def _instant(value: object, *, has_zone: bool) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return value
    # Without a zone the server would take it for its own local time.
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC) if has_zone else aware.astimezone(UTC).replace(tzinfo=None)


def _read(connection: sa.Connection, place: Place) -> tuple[list[sa.Column[Any]], list[object]]:
    inspector = sa.inspect(connection)
    if not inspector.has_table(place.name, place.schema):
        return [], []
    columns = [
        _column(
            connection,
            column["name"],
            _bindable(column["type"]),
            nullable=column["nullable"],
            has_default=bool(column.get("default") or column.get("autoincrement") is True),
        )
        for column in inspector.get_columns(place.name, place.schema)
    ]
    primary_key = inspector.get_pk_constraint(place.name, place.schema)
    unique: list[object] = [primary_key["constrained_columns"]]
    for constraint in inspector.get_unique_constraints(place.name, place.schema):
        unique.append(constraint["column_names"])
    for index in inspector.get_indexes(place.name, place.schema):
        # A partial index says nothing of the rows outside it.
        is_partial = any(name.endswith("_where") for name in index.get("dialect_options", {}))
        if index["unique"] and not is_partial:
            unique.append(index["column_names"])
    return columns, unique


def _read_duckdb(
    connection: sa.Connection, place: Place
) -> tuple[list[sa.Column[Any]], list[object]]:
    # duckdb-engine asks PostgreSQL's catalogue, of which DuckDB has a part.
    where = {"schema": place.schema, "name": place.name}
    described: Sequence[Any] = connection.execute(
        sa.text(
            "select column_name, data_type, is_nullable = 'YES', column_default is not null"
            " from information_schema.columns where table_catalog = current_database()"
            " and table_schema = coalesce(:schema, current_schema()) and table_name = :name"
            " order by ordinal_position"
        ),
        where,
    ).all()
    unique: Iterable[Any] = connection.execute(
        sa.text(
            "select constraint_column_names from duckdb_constraints()"
            " where database_name = current_database()"
            " and schema_name = coalesce(:schema, current_schema()) and table_name = :name"
            " and constraint_type in ('PRIMARY KEY', 'UNIQUE')"
        ),
        where,
    ).scalars()
    columns = [
        _column(connection, name, _duckdb_type(kind), nullable=nullable, has_default=has_default)
        for name, kind, nullable, has_default in described
    ]
    return columns, [list(names) for names in unique]


def _duckdb_type(name: str) -> Type:
    known: dict[str, Type] = {
        "BOOLEAN": sa.Boolean(),
        "DATE": sa.Date(),
        "TIMESTAMP": sa.DateTime(),
        "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True),
        "VARCHAR": sa.Text(),
    }
    return known.get(name, sa.types.NULLTYPE)


def _bindable(kind: Type) -> Type:
    is_converted = isinstance(kind, _CONVERTED) and not isinstance(kind, sa.Enum)
    return kind if is_converted else sa.types.NULLTYPE


def _column(
    connection: sa.Connection,
    name: str,
    kind: Type,
    *,
    primary_key: bool = False,
    nullable: bool = True,
    has_default: bool = False,
) -> sa.Column[Any]:
    dialect = connection.dialect
    # Each database reserves other words, so names are quoted, except where a quoted name
    # in lower case is another name (Oracle, Snowflake).
    is_folded = getattr(dialect, "requires_name_normalize", False)
    return sa.Column(
        name if is_folded else quoted_name(name, quote=True),
        kind,
        primary_key=primary_key,
        autoincrement=False,
        nullable=nullable and not primary_key,
        server_default=sa.FetchedValue() if has_default else None,
    )
