"""The warehouse: whether it opens, has room, lets us write, and agrees about the time."""

import os
from collections.abc import Iterator
from datetime import datetime
from shutil import disk_usage
from typing import Any

import sqlalchemy as sa

from orchestration.doctor.result import Installation, Result, failed, ok, some, warning
from orchestration.project import project_vars, utc_now
from orchestration.warehouse import (
    check_reachable,
    credentials,
    duckdb_path,
    engine,
    is_missing,
)

LARGEST_DIFFERENCE_SECONDS = 60
OLDEST_POSTGRES = 14
"""Older ones are not maintained any more."""


def profile(found: Installation) -> Iterator[Result]:
    """profiles.yml has the target, and it is of a type that Strata can use."""
    found.profile = credentials(found.target)
    engine(found.target)
    yield ok(
        "profile", f"target {found.profile.target_name}, of type {found.profile.credentials.type}"
    )


def opens(found: Installation) -> Iterator[Result]:
    """The warehouse can be opened. A DuckDB file that is not there is not made."""
    place = found.profile.credentials
    if place.type == "duckdb" and not duckdb_path(place).exists():
        text = f"there is no DuckDB file {duckdb_path(place)} yet"
        if project_vars().get("demo_data", True):
            yield warning("warehouse", text, "`strata demo` makes it.")
        else:
            yield failed(
                "warehouse",
                text,
                "Your raw tables must be in it: name their file with STRATA_DUCKDB_PATH.",
            )
        return
    check_reachable(found.target, read_only=True)
    found.warehouse = engine(found.target, read_only=True)
    if place.type == "duckdb":
        yield ok("warehouse", f"{duckdb_path(place)} opens")
        return
    with found.warehouse.connect() as connection:
        version, zone = connection.execute(
            sa.text("select current_setting('server_version'), current_setting('TimeZone')")
        ).one()
    said = f"PostgreSQL {version} at {place.host}:{place.port}, database {place.database}"
    if int(str(version).split(".")[0].split(" ")[0]) < OLDEST_POSTGRES:
        yield warning("warehouse", said, f"Use PostgreSQL {OLDEST_POSTGRES} or later.")
    else:
        yield ok("warehouse", f"{said}; its time zone {zone} does not matter, times are UTC")


def disk(found: Installation) -> Iterator[Result]:
    """A DuckDB file can be written beside, and there is room for it once more."""
    if found.profile.credentials.type != "duckdb":
        return
    path = duckdb_path(found.profile.credentials)
    folder = path.parent
    if is_missing(folder):
        yield failed(
            "disk",
            f"the folder {folder} does not exist",
            "Make it, or name another file with STRATA_DUCKDB_PATH.",
        )
        return
    # The effective user: a service may have been started by another one.
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        yield failed(
            "disk",
            f"the folder {folder} cannot be written",
            "DuckDB keeps its journal beside the file: give the folder to the user that "
            "runs Strata, or name another file with STRATA_DUCKDB_PATH.",
        )
        return
    if path.exists() and not os.access(path, os.W_OK, effective_ids=True):
        yield failed(
            "disk", f"{path} cannot be written", "Give the file to the user that runs Strata."
        )
        return
    size = path.stat().st_size if path.exists() else 0
    free = disk_usage(folder).free
    said = f"{_gigabytes(free)} free in {folder}, the file has {_gigabytes(size)}"
    if free < size:
        yield warning(
            "disk", said, "A refresh writes tables anew before it drops the old: free some space."
        )
    else:
        yield ok("disk", said)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def permissions(found: Installation) -> Iterator[Result]:
    """PostgreSQL lets us make the schemas and tables that are needed, and replace those there."""
    if found.profile.credentials.type != "postgres":
        return
    tables = _written(found)
    schemas = sorted({schema for schema, _ in tables})
    with found.warehouse.connect() as connection:
        user, database, may_create = connection.execute(
            sa.text(
                "select current_user, current_database(), "
                "has_database_privilege(current_database(), 'CREATE')"
            )
        ).one()
        there = {
            row.nspname: row.may_create
            for row in connection.execute(
                sa.text(
                    "select nspname, has_schema_privilege(oid, 'CREATE') "
                    "and has_schema_privilege(oid, 'USAGE') as may_create from pg_namespace"
                )
            )
        }
        others = connection.execute(
            sa.text(
                "select n.nspname, c.relname, pg_get_userbyid(c.relowner) from pg_class as c "
                "join pg_namespace as n on c.relnamespace = n.oid "
                "where c.relkind in ('r', 'v', 'm', 'p') and not pg_has_role(c.relowner, 'USAGE')"
            )
        ).all()
    missing = [name for name in schemas if name not in there]
    closed = [name for name in schemas if not there.get(name, True)]
    foreign = [
        f"{name}.{table} ({owner})" for name, table, owner in others if (name, table) in tables
    ]
    if missing and not may_create:
        yield failed(
            "permissions",
            f"{user} may not make the schemas {some(missing, 20)}",
            f'grant create on database "{database}" to "{user}"; or let somebody else make them.',
        )
    if closed:
        yield failed(
            "permissions",
            f"{user} may not make tables in {some(closed, 20)}",
            f'grant usage, create on schema {", ".join(closed)} to "{user}";',
        )
    if foreign:
        yield failed(
            "permissions",
            f"{user} does not own {some(sorted(foreign))}, which a refresh replaces",
            f'Give them to it: alter table ... owner to "{user}";',
        )
    if not ((missing and not may_create) or closed or foreign):
        yield ok("permissions", f"{user} may write the {len(schemas)} schemas")


def _written(found: Installation) -> set[tuple[str, str]]:
    """Schema and name of all that a refresh writes; rows of failed tests, too."""
    nodes: Any = found.manifest["nodes"].values()
    return {
        (node["schema"], node["alias"])
        for node in nodes
        if node["resource_type"] in ("model", "seed", "test")
        and node["config"]["materialized"] != "ephemeral"
    }


def clocks(found: Installation) -> Iterator[Result]:
    """The server's clock and this machine's."""
    if found.profile.credentials.type != "postgres":
        yield ok("clocks", "the warehouse is in this machine")
        return
    with found.warehouse.connect() as connection:
        theirs: datetime = connection.execute(
            sa.text("select clock_timestamp() at time zone 'UTC'")
        ).scalar_one()
    seconds = (utc_now() - theirs).total_seconds()
    said = f"this machine's clock is {seconds:+.0f} s from the server's"
    if abs(seconds) > LARGEST_DIFFERENCE_SECONDS:
        yield warning(
            "clocks", said, "Let NTP set both: leases and due times are compared with them."
        )
    else:
        yield ok("clocks", said)
