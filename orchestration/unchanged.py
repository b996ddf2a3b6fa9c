"""What a refresh need not build again, because the sources that it is made of did not change.

A raw table is as it was when it has as many rows as at the last refresh, each says when it was
loaded, none was loaded later, and the instant has passed no time of any: staging compares those
times with the instant. What reads only such tables, directly or through models that do, comes
out as before unless a macro below it asks for the instant or the run. Models beyond staging that
add to themselves are always built.

What is remembered is forgotten before anything is built, and noted again when all of it went
well; so a run that is cut off, or dbt called by hand, is followed by one that builds everything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from orchestration.dbt import Dbt
from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR, digest_of_files, project_vars
from orchestration.run_records import SOURCE_CURSORS

SEGMENT_FILES = PROJECT_DIR / "macros" / "segments"
"""Nothing that is left out reads them."""
ASKS_FOR_THE_RUN = {"macro.strata.as_of_text", "macro.strata.run_id"}


@dataclass(frozen=True)
class Cursor:
    """What a raw table looked like when what reads it was built."""

    row_count: int
    last_loaded_at: datetime | None
    is_comparable: bool = True
    """Whether every row says when it was loaded, and the instant passed no time of any."""


@dataclass(frozen=True)
class Remembered:
    """The raw tables at the end of the last write, by system and table."""

    cursors: Mapping[tuple[str, str], Cursor]
    built_as_of: Mapping[tuple[str, str], datetime]
    as_of: datetime | None
    project: str | None


@dataclass(frozen=True)
class Unchanged:
    """What a write leaves as it is, and what it notes at its end."""

    nodes: Sequence[str]
    """Unique ids of seeds, models and tests, each after those that it reads."""
    systems: Sequence[str]
    """Systems of which no table changed, in order."""
    since: datetime | None
    rows: Sequence[Mapping[str, object]]
    """Rows of `operations.source_cursors`."""


def longest() -> timedelta:
    """How long what did not change may go without being built; 0 is not at all.

    Raises UsageError for another `rebuild_unchanged_after_hours` than a whole number from 0 on.
    """
    given = project_vars().get("rebuild_unchanged_after_hours", 24)
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise UsageError(
            f"rebuild_unchanged_after_hours is {given!r}. It takes a whole number of hours; 0 "
            "builds everything each time."
        )
    return timedelta(hours=given)


def look(
    dbt: Dbt, warehouse: sa.Engine, as_of: datetime, run_id: str, longest: timedelta
) -> Unchanged:
    """Compare the raw tables with what the last write found of them.

    What was built `longest` ago or earlier is built all the same.
    Raises StrataError in dbt's words, or SQLAlchemyError, where a raw table cannot be read.
    """
    before = _remembered(warehouse)
    now = _cursors(dbt, warehouse, as_of, before.as_of)
    project = _fingerprint(dbt)
    comes_after = before.as_of is not None and before.as_of <= as_of
    oldest = as_of - longest
    same = (
        {
            key
            for key in now.keys() | before.cursors.keys()
            if _is_same(before.cursors.get(key), now.get(key))
            and before.built_as_of.get(key, oldest) > oldest
        }
        if comes_after and project == before.project
        else set()
    )
    seen = now.keys() | before.cursors.keys()
    nodes = _as_before(dbt, same, seen, _relations(warehouse)) if same else []
    rows = [
        {
            "source_system": system,
            "table_name": table,
            "row_count": cursor.row_count,
            "last_loaded_at": cursor.last_loaded_at,
            "as_of": as_of,
            "built_as_of": before.built_as_of[system, table] if (system, table) in same else as_of,
            "run_id": run_id,
            "project": project,
        }
        for (system, table), cursor in sorted(now.items())
    ]
    changed = {system for system, table in now.keys() - same}
    systems = sorted({system for system, table in same} - changed)
    return Unchanged(nodes, systems, before.as_of, rows)


def forget(connection: sa.Connection) -> None:
    """Let the next write build everything. The caller commits."""
    connection.execute(sa.delete(SOURCE_CURSORS))


def remember(connection: sa.Connection, unchanged: Unchanged) -> None:
    """Note what the raw tables were before a write that went well. The caller commits."""
    if unchanged.rows:
        connection.execute(sa.insert(SOURCE_CURSORS), [dict(row) for row in unchanged.rows])


def _remembered(warehouse: sa.Engine) -> Remembered:
    with warehouse.connect() as connection:
        rows: Sequence[Any] = connection.execute(sa.select(SOURCE_CURSORS)).all()
    return Remembered(
        {(r.source_system, r.table_name): Cursor(r.row_count, r.last_loaded_at) for r in rows},
        {(r.source_system, r.table_name): r.built_as_of for r in rows},
        min((row.as_of for row in rows), default=None),
        rows[0].project if rows else None,
    )


def _cursors(
    dbt: Dbt, warehouse: sa.Engine, as_of: datetime, since: datetime | None
) -> dict[tuple[str, str], Cursor]:
    argument = f"'{since:%Y-%m-%d %H:%M:%S}'" if since else "none"
    sql = dbt.rendered(f"{{{{ source_cursors({argument}) }}}}", as_of=as_of.isoformat())
    with warehouse.connect() as connection:
        rows = connection.exec_driver_sql(f"select * from ({sql}) as cursors").mappings().all()
    return {
        (row["source_system"], row["table_name"]): Cursor(
            row["row_count"],
            row["last_loaded_at"],
            row["loaded_count"] == row["row_count"] and not row["passed"],
        )
        for row in rows
    }


def _is_same(before: Cursor | None, now: Cursor | None) -> bool:
    return before == now and now is not None


def _fingerprint(dbt: Dbt) -> str:
    """The same text as long as the same files would be built with the same variables."""
    said = [
        digest_of_files(PROJECT_DIR, without=SEGMENT_FILES),
        json.dumps(dbt.variables, sort_keys=True, default=str),
        str(dbt.manifest.metadata.dbt_version),
    ]
    return sha256("\0".join(said).encode()).hexdigest()


def _relations(warehouse: sa.Engine) -> set[tuple[str, str]]:
    with warehouse.connect() as connection:
        rows: Sequence[Any] = connection.execute(
            sa.text(
                "select table_schema, table_name from information_schema.tables "
                "where table_catalog = current_database()"
            )
        ).all()
    return {(schema, name) for schema, name in rows}


def _as_before(
    dbt: Dbt,
    same: set[tuple[str, str]],
    seen: set[tuple[str, str]],
    relations: set[tuple[str, str]],
) -> list[str]:
    """The nodes that read nothing but tables that are the same, and seeds, in their order."""
    manifest = dbt.manifest
    asking = _macros_that_ask(manifest.macros)
    known: dict[str, bool] = {}
    for unique_id, source in manifest.sources.items():
        key = (source.source_name, source.name)
        # One that was seen neither now nor before is not there.
        known[unique_id] = source.source_name != "published" and (key in same or key not in seen)

    def is_as_before(unique_id: str) -> bool:
        if unique_id not in known:
            node = manifest.nodes.get(unique_id)
            known[unique_id] = (
                node is not None
                and _may_stay(node, asking, relations)
                and all(is_as_before(parent) for parent in _parents(node))
            )
        return known[unique_id]

    for unique_id in manifest.nodes:
        is_as_before(unique_id)
    # A node is known after those that it reads.
    return [unique_id for unique_id in known if known[unique_id] and unique_id in manifest.nodes]


def _may_stay(node: Any, asking: set[str], relations: set[tuple[str, str]]) -> bool:
    """Whether a node comes out as before where what it reads does."""
    if node.resource_type == "seed":
        return (node.schema, node.alias) in relations
    asks = not asking.isdisjoint(node.depends_on.macros)
    if node.resource_type == "test":
        # One that only warns is asked each time, or its warning would be heard once.
        return bool(_parents(node)) and not asks and node.config.severity.lower() == "error"
    if node.resource_type != "model" or (node.schema, node.alias) not in relations:
        return False
    is_kept = node.config.materialized in ("incremental", "state_table")
    return node.fqn[1] == "staging" or not (asks or is_kept)


def _parents(node: Any) -> Sequence[str]:
    return getattr(node.depends_on, "nodes", ())  # a seed's only names macros


def _macros_that_ask(macros: Mapping[str, Any]) -> set[str]:
    """The macros below which one asks for the instant or the run."""
    callers: dict[str, set[str]] = {}
    for unique_id, macro in macros.items():
        for called in macro.depends_on.macros:
            callers.setdefault(called, set()).add(unique_id)
    found, todo = set(ASKS_FOR_THE_RUN), list(ASKS_FOR_THE_RUN)
    while todo:
        new = callers.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found
