"""The raw tables that the chosen systems need: there, with their columns, with rows, fresh."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from orchestration.doctor.result import Installation, Result, Status, some

Columns = Mapping[tuple[str, str], tuple[str, set[str]]]
"""By schema and table in lower case: the table's name as it is written, and its columns."""


def sources(found: Installation) -> Iterator[Result]:
    """One result for each system."""
    nodes = found.manifest["nodes"].values()
    seeded = {(one["schema"], one["alias"]) for one in nodes if one["resource_type"] == "seed"}
    read = {
        unique_id
        for one in nodes
        if one["resource_type"] == "model" and one["fqn"][1] == "staging"
        for unique_id in one["depends_on"]["nodes"]
    }
    tables = sorted(
        (one for key, one in found.manifest["sources"].items() if key in read),
        key=lambda one: (one["source_name"], one["identifier"]),
    )
    with found.warehouse.connect() as connection:
        there = _columns(connection, {one["schema"] for one in tables})
        late = _late(connection)
        for system, needed in groupby(tables, key=lambda one: str(one["source_name"])):
            yield _System(system, connection, there, seeded).result(list(needed), late)


class _System:
    """What is found of one system."""

    def __init__(
        self, name: str, connection: sa.Connection, there: Columns, seeded: set[tuple[str, str]]
    ) -> None:
        self._name = name
        self._connection = connection
        self._there = there
        self._seeded = seeded
        self._said: dict[str, list[str]] = {}

    def result(
        self, tables: list[dict[str, Any]], late: Mapping[tuple[str, str], tuple[str, str]]
    ) -> Result:
        for table in tables:
            self._look_at(table)
            status, how = late.get((self._name, table["name"]), ("pass", ""))
            if status in ("warn", "error"):
                kind = "late" if status == "warn" else "not loaded any more"
                self._say(kind, f"{table['identifier']} ({how})")
        todo = {
            "missing": "Create it as a table or view, or choose another system in strata_sources.",
            "without a column that is required": "Add it, or make a view that has it.",
            "not readable": "Grant usage on the schema and select on the table to Strata's user.",
            "not loaded any more": "Look at the loader; segments that need it are held.",
            "not there yet": "`strata demo` loads the demo company.",
            "empty": "Look at the loader.",
            "late": "Look at the loader.",
        }
        failures = list(todo)[:4]
        kinds = [kind for kind in todo if kind in self._said]
        worst = Status.OK if not kinds else Status.WARNING
        if any(kind in failures for kind in kinds):
            worst = Status.FAILED
        found = "; ".join(f"{kind}: {some(names)}" for kind, names in self._said.items())
        return Result(
            f"sources {self._name}",
            worst,
            f"{len(tables)} tables" + (f"; {found}" if found else ""),
            " ".join(dict.fromkeys(todo[kind] for kind in kinds)),
        )

    def _look_at(self, table: dict[str, Any]) -> None:
        schema, name = table["schema"], table["identifier"]
        written, columns = self._there.get((schema.lower(), name.lower()), (name, set()))
        if not columns:
            self._say(self._why_absent(table), f"{schema}.{name}")
            return
        lacking = {
            column.lower(): bool((one.get("meta") or {}).get("required"))
            for column, one in table["columns"].items()
            if column.lower() not in columns
        }
        required = [column for column, is_required in lacking.items() if is_required]
        if required:
            self._say("without a column that is required", f"{schema}.{name}: {some(required)}")
        self._say("read as empty", *(f"{name}.{one}" for one in lacking if one not in required))
        # Whether there is a row at all: a count would read the whole of a view.
        rows = sa.select(sa.literal(1)).select_from(sa.table(written, schema=schema)).limit(1)
        if self._connection.execute(rows).first() is None:
            kind = "empty, and optional" if _is_optional(table) else "empty"
            self._say(kind, f"{schema}.{name}")

    def _why_absent(self, table: dict[str, Any]) -> str:
        schema, name = table["schema"], table["identifier"]
        if self._connection.dialect.name == "postgresql":
            # The information schema does not list what we may not read.
            hidden = self._connection.execute(
                sa.text(
                    "select 1 from pg_class as c join pg_namespace as n on c.relnamespace = n.oid "
                    "where n.nspname = :schema and c.relname = :name"
                ),
                {"schema": schema, "name": name},
            ).first()
            if hidden:
                return "not readable"
        if (schema, name) in self._seeded:
            return "not there yet"
        return "absent, and optional" if _is_optional(table) else "missing"

    def _say(self, kind: str, *names: str) -> None:
        if names:
            self._said.setdefault(kind, []).extend(names)


def _is_optional(table: Mapping[str, Any]) -> bool:
    return bool((table.get("meta") or {}).get("optional"))


def _columns(connection: sa.Connection, schemas: set[str]) -> Columns:
    rows: Sequence[Any] = connection.execute(
        sa.text(
            "select table_schema, table_name, column_name from information_schema.columns "
            "where table_catalog = current_database() and lower(table_schema) in :schemas"
        ).bindparams(sa.bindparam("schemas", expanding=True)),
        {"schemas": sorted(schema.lower() for schema in schemas)},
    ).all()
    found: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for schema, table, column in rows:
        key = (schema.lower(), table.lower())
        found.setdefault(key, (table, set()))[1].add(column.lower())
    return found


def _late(connection: sa.Connection) -> dict[tuple[str, str], tuple[str, str]]:
    """How late the last refresh found each table; nothing where there was none."""
    if not _columns(connection, {"operations"}).get(("operations", "source_freshness")):
        return {}
    rows: Sequence[Any] = connection.execute(
        sa.text(
            "select source_system, table_name, status, hours_behind, as_of "
            "from operations.source_freshness"
        )
    ).all()
    return {
        (system, table): (status, f"{hours:,.0f} hours before {as_of}Z" if hours else "")
        for system, table, status, hours, as_of in rows
    }
