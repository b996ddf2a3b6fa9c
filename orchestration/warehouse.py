"""The warehouse of a dbt target, opened through SQLAlchemy.

The address comes from profiles.yml as dbt reads it, so that there is one place to
configure a target.
"""

import os
import re
from argparse import Namespace
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from orchestration.errors import StrataError, UsageError, WarehouseUnavailable
from orchestration.project import PROJECT_DIR

READ_ONLY_WAIT_SECONDS = 5


def credentials(target: str | None) -> Any:
    """dbt's credentials object of a target of profiles.yml (the default target for None).

    Raises UsageError when there is no such target.
    """
    file = PROJECT_DIR / "profiles.yml"
    written = file.stat().st_mtime_ns if file.exists() else 0
    return _credentials(target, (written, frozenset(os.environ.items())))


@lru_cache(maxsize=8)
def _credentials(target: str | None, _read_for: tuple[int, frozenset[tuple[str, str]]]) -> Any:
    """Read once for the same file and environment: dbt takes 0.1 s, a refresh asks 20 times."""
    from dbt.config.runtime import load_profile
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtConfigError

    set_invocation_context(os.environ)
    set_from_args(Namespace(PROFILES_DIR=str(PROJECT_DIR), PROJECT_DIR=str(PROJECT_DIR)), None)
    try:
        return load_profile(str(PROJECT_DIR), {}, target_override=target)
    except DbtConfigError as error:
        raise UsageError(" ".join(str(error).split())) from error


def target_name(target: str | None) -> str:
    """The name of the target that `None` stands for.

    Raises UsageError when there is no such target.
    """
    return str(credentials(target).target_name)


def engine(target: str | None = None, *, read_only: bool = False) -> sa.Engine:
    """An engine on the target's warehouse that holds no connection while unused.

    One that is `read_only` changes nothing, makes no file, and does not wait long for a server.
    Raises UsageError for a type of warehouse that syncs and audits cannot reach.
    """
    found = credentials(target).credentials
    if found.type == "duckdb":
        return duckdb_engine(duckdb_path(found), found.settings, read_only=read_only)
    if found.type == "postgres":
        url = sa.URL.create(
            "postgresql+psycopg2",
            username=found.user,
            password=found.password,
            host=found.host,
            port=found.port,
            database=found.database,
        )
        if not read_only:
            return sa.create_engine(url, poolclass=NullPool)
        waits = {"connect_timeout": READ_ONLY_WAIT_SECONDS}
        made = sa.create_engine(url, poolclass=NullPool, connect_args=waits)
        return made.execution_options(postgresql_readonly=True)
    raise UsageError(
        f"The target '{target}' is of type '{found.type}'. Accepted: duckdb, postgres."
    )


def duckdb_engine(
    path: Path, settings: Mapping[str, Any] | None = None, *, read_only: bool = False
) -> sa.Engine:
    """An engine on a DuckDB file that can be open beside dbt's own connection.

    DuckDB refuses a second connection of one process with another configuration, and
    the SQLAlchemy dialect would add its name to it: connect as dbt does, with none. The
    `settings` of profiles.yml, such as memory_limit, are set afterwards, as dbt sets them.
    """
    import duckdb
    from duckdb_engine import ConnectionWrapper

    def connect() -> ConnectionWrapper:
        connection = duckdb.connect(str(path), read_only=read_only)
        for name, value in (settings or {}).items():
            literal = str(value).replace("'", "''")
            connection.execute(f"set {name} = '{literal}'")
        return ConnectionWrapper(connection)

    return sa.create_engine(f"duckdb:///{path}", poolclass=NullPool, creator=connect)


def duckdb_path(found: Any) -> Path:
    """The DuckDB file of a target; a relative name is of the current folder, as for dbt."""
    return Path(str(found.path)).resolve()


def is_missing(place: Path) -> bool:
    """Whether there is no such file or folder; one that may not be looked at is there."""
    try:
        place.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def check_reachable(
    target: str | None = None, *, must_exist: bool = False, read_only: bool = False
) -> None:
    """Opens and closes the warehouse; a DuckDB file is made unless it `must_exist`.

    Raises WarehouseUnavailable, naming the file and the process that holds it or the
    server that does not answer.
    """
    found = credentials(target).credentials
    if must_exist and found.type == "duckdb" and not duckdb_path(found).exists():
        raise StrataError(
            f"There is no DuckDB file {duckdb_path(found)}: run `strata refresh` (with the demo's "
            "data `strata demo`) first, or name another file with STRATA_DUCKDB_PATH."
        )
    try:
        with engine(target, read_only=read_only).connect() as connection:
            connection.execute(sa.text("select 1"))
    except DBAPIError as error:
        raise WarehouseUnavailable(_explain(str(error.orig), target)) from error


def _explain(message: str, target: str | None) -> str:
    found = credentials(target).credentials
    if found.type == "duckdb":
        path = duckdb_path(found)
        holder = re.search(r"held in (.+?) \(PID (\d+)\)", message)
        if holder or "lock" in message.lower():
            who = f"process {holder[2]} ({holder[1]})" if holder else "another process"
            return (
                f"The DuckDB file {path} is held by {who}. One process at a time may open it: "
                "if that is a refresh or a sync (Dagster's too), wait until it has ended, else "
                "close it, or name another file with STRATA_DUCKDB_PATH."
            )
        if is_missing(path.parent):
            return (
                f"The DuckDB file {path} cannot be made: the folder {path.parent} does not exist. "
                "Make it, or name another file with STRATA_DUCKDB_PATH."
            )
        return (
            f"The DuckDB file {path} cannot be opened: {message.splitlines()[0]} "
            "STRATA_DUCKDB_PATH names another file; `strata refresh` makes one that does not exist."
        )
    return (
        f"PostgreSQL at {found.host}:{found.port} (database {found.database}, user {found.user}) "
        f"cannot be reached: {message.strip().splitlines()[0]}"
    )
