"""Great Expectations on a warehouse connection that is already open.

The library opens and closes a connection around every query and reads the rows afterwards.
`duckdb-engine` has dropped them by then ("list index out of range"), and a DuckDB file should be
open once. Here every query of one audit runs on one connection that the caller owns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal
from uuid import uuid4

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.compatibility import pydantic
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent.interfaces import Batch, DataAsset
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource, TableAsset
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)

from expectations.suites import Relation

# The library copies datasources and compares them field by field, so a datasource names its
# connection by a token instead of holding it.
_CONNECTIONS: dict[str, sa.Connection] = {}

_COLUMNS_QUERY = sa.text(
    "select column_name, data_type from information_schema.columns"
    " where table_catalog = current_database() and table_schema = :schema"
    " and table_name = :table order by ordinal_position"
)


class ConnectionExecutionEngine(SqlAlchemyExecutionEngine):
    """Runs every query on one open connection, which it never closes."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(engine=connection.engine, create_temp_table=False)
        self._open_connection = connection

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """The one connection, ready for the next query even if this one fails."""
        try:
            yield self._open_connection
        except sa.exc.DBAPIError:
            # PostgreSQL refuses everything else until the failed transaction ends.
            self._open_connection.rollback()
            raise

    def get_inspector(self) -> "_Columns":
        """What the library asks for the columns of a table."""
        return _Columns(self)

    def close(self) -> None:
        """Leave the caller's connection and engine alone, also when garbage is collected."""


class _NamedType(sa.types.UserDefinedType[Any]):
    """A column's type by the name the warehouse gives it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **kwargs: Any) -> str:
        """The name, which is all the library asks of a type here."""
        return self.name


class _Columns:
    """Names and types of a relation's columns, in one query that every engine answers.

    SQLAlchemy's inspector takes four, one of them fails on DuckDB, and the library then reads a
    relation of that name in any schema.
    """

    def __init__(self, engine: ConnectionExecutionEngine) -> None:
        self._engine = engine
        self.dialect = engine.dialect

    def get_columns(self, table_name: str, schema: str) -> list[dict[str, Any]]:
        """One entry for each column, in their order; `LookupError` for an unknown relation."""
        found = self._engine.execute_query(
            _COLUMNS_QUERY.bindparams(schema=str(schema), table=str(table_name))
        ).fetchall()
        if not found:
            # Not an error that the library would answer by looking elsewhere.
            raise LookupError(f"{schema}.{table_name} does not exist")
        return [{"name": name, "type": _NamedType(kind)} for name, kind in found]

    def get_pk_constraint(self, table_name: str, schema: str) -> dict[str, Any]:
        """Nothing: no expectation needs it, and a warehouse table seldom declares one."""
        return {}


class WarehouseTableAsset(TableAsset):
    """A table that is not probed when it is named: its expectations say that it is missing."""

    type: Literal["strata_warehouse_table"] = "strata_warehouse_table"  # type: ignore[assignment]

    def test_connection(self) -> None:
        """Do nothing."""


class WarehouseDatasource(SQLDatasource):
    """One schema of the warehouse, named after it, on a connection that is already open."""

    # Before `type`, which hides the builtin in the rest of this body.
    asset_types: ClassVar[list[type[DataAsset[Any, Any]]]] = [WarehouseTableAsset]
    _TableAsset: type[TableAsset] = pydantic.PrivateAttr(WarehouseTableAsset)
    type: Literal["strata_warehouse"] = "strata_warehouse"  # type: ignore[assignment]
    assets: list[WarehouseTableAsset] = []  # type: ignore[assignment]

    @property
    def schema_(self) -> str:
        """The schema of every table of this datasource."""
        return self.name

    def get_engine(self) -> sa.Engine:
        """The engine of the open connection."""
        return _CONNECTIONS[str(self.connection_string)].engine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """One execution engine on the open connection."""
        if self._execution_engine is None:
            connection = _CONNECTIONS[str(self.connection_string)]
            self._execution_engine = ConnectionExecutionEngine(connection)
        return self._execution_engine

    def test_connection(self, test_assets: bool = True) -> None:
        """Do nothing: the connection is open."""


class Warehouse:
    """Batches over relations of the warehouse, inside a context that only exists in memory."""

    def __init__(self, connection: sa.Connection) -> None:
        self._token = f"strata://{uuid4().hex}"
        _CONNECTIONS[self._token] = connection
        self._context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                progress_bars=ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )

    def batch(self, relation: Relation) -> Batch:
        """The whole relation as one batch; reads nothing yet."""
        sources: Any = self._context.data_sources
        if relation.schema not in sources.all():
            sources.add_strata_warehouse(relation.schema, connection_string=self._token)
        asset = sources.get(relation.schema).add_table_asset(relation.table)
        batch: Batch = asset.add_batch_definition_whole_table("all").get_batch()
        return batch

    def close(self) -> None:
        """Forget the connection, which stays open for its owner."""
        _CONNECTIONS.pop(self._token, None)
