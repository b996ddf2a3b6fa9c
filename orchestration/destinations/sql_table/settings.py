"""Settings of the SQL table destination."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from orchestration.destinations.base import MODES, Clock, Destination, Settings
from orchestration.destinations.secrets import from_environment

SYNC_COLUMN = "_strata_sync"
"""Column that names the sync which wrote the row; no other row is ever changed or deleted."""

Name = Annotated[str, Field(min_length=1)]


class SqlTableSettings(Settings):
    """Which table holds the audience, and how it may be written."""

    modes: ClassVar[Sequence[str]] = MODES

    url_env: Name
    """Name of the environment variable with the database's SQLAlchemy address."""
    table: Name
    db_schema: Name | None = None
    """Schema of the table; the one that the connection starts in if not given."""
    key_column: Name = "entity_key"
    """Column that holds a member's entity key; it must be unique."""
    create_table: bool = True
    """Make the table on first use when it is missing."""
    archived_at_column: Name | None = None
    """Column that is set (UTC) for who leaves, instead of deleting the row."""
    timeout_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Longest wait for the connection and, on PostgreSQL, for a statement, in seconds."""
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    """Times one transaction is repeated in a run after a passing failure."""

    @field_validator("key_column", "archived_at_column")
    @classmethod
    def _is_a_column_of_its_own(cls, name: str | None, info: ValidationInfo) -> str | None:
        others = [SYNC_COLUMN]
        if info.field_name == "archived_at_column":
            others.append(info.data.get("key_column", ""))
        if name in others:
            raise ValueError(f"a column other than {' and '.join(others)}")
        return name

    def connect(self, now: Clock) -> Destination:
        """Make the client; the database is not reached until it is used.

        Raises:
            UsageError: the variable is not set, or holds no address that SQLAlchemy can use here.
        """
        from orchestration.destinations.sql_table.client import SqlTableDestination
        from orchestration.destinations.sql_table.tables import Place

        return SqlTableDestination(
            from_environment(self.url_env, "database's SQLAlchemy address"),
            Place(self.table, self.db_schema, self.key_column, self.archived_at_column),
            create_table=self.create_table,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            now=now,
        )
