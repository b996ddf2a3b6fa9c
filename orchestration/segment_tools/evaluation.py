"""Evaluates the project's segments over the 360s as they stand, beside what is published.

The SQL is the one that a refresh would run, compiled by dbt from the files as they are. It
runs behind temporary views of one connection: no table that others read is touched, and
nothing of the size of the customers leaves the warehouse.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from orchestration.dbt import Dbt
from orchestration.errors import StrataError, UsageError
from orchestration.project import parse_instant, parse_sources
from orchestration.syncs import last_publication
from orchestration.warehouse import check_reachable, engine, target_name

VERDICTS = "model.strata.segment_verdicts"
HISTORY = "model.strata.segment_membership_history"


@dataclass(frozen=True)
class Published:
    """What the last refresh left: its instant, and the systems it read."""

    as_of: datetime
    sources: dict[str, str]


@dataclass(frozen=True)
class Definition:
    """What the file of a segment says, as the registry holds it."""

    segment_id: str
    label: str
    entity: str
    conditions: dict[str, str]  # SQL by name, with :as_of for the instant
    definition_version: str
    not_evaluated_reason: str | None
    settings: dict[str, str]  # everything else, as text


def last_published(warehouse: sa.Engine) -> Published:
    """The instant of the last refresh and the systems it was run for.

    Raises StrataError, saying to refresh first, when nothing was refreshed yet.
    """
    _, as_of = last_publication(warehouse)
    sources = parse_sources(None)
    with warehouse.connect() as connection:
        if sa.inspect(connection).has_table("runs", schema="operations"):
            last = connection.execute(
                sa.text("select sources from operations.runs order by started_at desc limit 1")
            ).scalar()
            sources |= json.loads(last or "{}")
    return Published(as_of, sources)


def open_published(target: str | None) -> tuple[sa.Engine, Published]:
    """The warehouse, checked to open, and what the last refresh left in it."""
    check_reachable(target, must_exist=True)
    warehouse = engine(target)
    return warehouse, last_published(warehouse)


def project(target: str | None, published: Published) -> Dbt:
    """The project's files, for the systems of the last refresh."""
    return Dbt(target_name(target), {"strata_sources": published.sources})


def instant_to_evaluate(text: str | None, published: Published) -> datetime:
    """The instant a person asked for, or that of the last refresh.

    Raises UsageError for one before the last refresh: the 360s hold what happened since.
    """
    if text is None:
        return published.as_of
    instant = parse_instant(text)
    if instant < published.as_of:
        raise UsageError(
            f"as_of is {written(instant)}, but the 360s stand as of {written(published.as_of)} and "
            "know what happened since. It takes that instant or a later one; `strata explain "
            "--as-of` tells who was a member before, and `strata backfill --into` evaluates the "
            "past in a file of its own."
        )
    return instant


def written(instant: datetime) -> str:
    """An instant as people type it."""
    return f"{instant.isoformat()}Z"


class Evaluation:
    """The models from the definitions to the candidates, compiled for one instant.

    `views` makes them temporary views of a connection. Every model is compiled, so what a
    refresh takes into account (references between segments, priorities, lists) counts here.
    """

    def __init__(self, dbt: Dbt, as_of: datetime) -> None:
        self._dbt = dbt
        self._nodes = _upstream_of_verdicts(dbt)
        self._needed: set[str] = set()
        self._compiled = dbt.compiled(
            [node.name for node in self._nodes], as_of=as_of.isoformat(), run_id=_run_id()
        )

    def views(
        self, connection: sa.Connection, prefix: str, only: str | None = None
    ) -> dict[str, str]:
        """Makes the views; the name of each by the relation that it stands for.

        With `only` the evaluation is a temporary table of that segment and of those that its
        members or its verdict depend on: what reads it need not evaluate everything again.
        """
        names: dict[str, str] = {}
        for node in self._nodes:
            name = f"{prefix}_{node.name}"
            sql = _renamed(self._compiled[node.unique_id], names)
            if only is not None and node.name == "segment_evaluation":
                registry = f"select * from {prefix}_segment_registry"
                self._needed = with_needed(only, definitions(connection, registry))
                execute(
                    connection,
                    f"create temporary table {name} as select * from (\n{sql}\n) as evaluated "
                    f"where segment_id in ({_literals(self._needed)})",
                )
            else:
                execute(connection, f"create temporary view {name} as\n{sql}")
            names[node.relation_name] = name
        return names

    def verdict(
        self, connection: sa.Connection, segment_id: str, names: Mapping[str, str], as_of: datetime
    ) -> tuple[str, str]:
        """Verdict and reasons that the candidates of these views would get as of an instant.

        The views are those of `views` with `only` that segment. Great Expectations judges at
        the refresh only: the segment counts as audited.
        """
        compiled = self._dbt.compiled(
            ["segment_verdicts"],
            as_of=as_of.isoformat(),
            run_id=_run_id(),
            publish_unaudited={str(self._dbt.target): True},
        )
        history = self._dbt.manifest.nodes[HISTORY].relation_name
        execute(
            connection,
            f"create temporary view published_of_{segment_id} as select * from {history} "
            f"where segment_id in ({_literals(self._needed)})",
        )
        sql = _renamed(compiled[VERDICTS], {**names, str(history): f"published_of_{segment_id}"})
        row = execute(
            connection,
            f"select verdict, reasons from (\n{sql}\n) as verdicts "
            f"where segment_id = '{segment_id}'",
        ).one()
        return row[0], row[1] or ""


def registry_sql(dbt: Dbt, as_of: datetime) -> str:
    """The registry of the files as they are, as a query."""
    [sql] = dbt.compiled(["segment_registry"], as_of=as_of.isoformat()).values()
    return sql


def definitions(connection: sa.Connection, registry: str) -> dict[str, Definition]:
    """The definitions that the query of a registry finds, by segment."""
    found = {}
    for row in execute(connection, registry).mappings():
        values = dict(row)
        definition = Definition(
            segment_id=values.pop("segment_id"),
            label=values.pop("label"),
            entity=values.pop("entity"),
            conditions=json.loads(values.pop("conditions")),
            definition_version=values.pop("definition_version"),
            not_evaluated_reason=values.pop("not_evaluated_reason"),
            settings={name: "" if value is None else str(value) for name, value in values.items()},
        )
        found[definition.segment_id] = definition
    return found


def with_dependents(changed: Iterable[str], *projects: Mapping[str, Definition]) -> set[str]:
    """The segments and those whose members depend on theirs: by reference, or by priority."""
    reached = set(changed)
    while True:
        more = set(reached)
        for found in projects:
            groups = {_group(one) for one in found.values() if one.segment_id in reached} - {""}
            for one in found.values():
                if reached & _refers_to(one) or _group(one) in groups:
                    more.add(one.segment_id)
        if more == reached:
            return reached
        reached = more


def with_needed(segment_id: str, found: Mapping[str, Definition]) -> set[str]:
    """The segment and those that its members depend on: by reference, or by priority."""
    needed = {segment_id}
    while True:
        more = set(needed)
        for name in needed:
            more |= _refers_to(found[name]) & found.keys()
            more |= {
                one.segment_id
                for one in found.values()
                if _group(one) and _group(one) == _group(found[name])
            }
        if more == needed:
            return needed
        needed = more


def _refers_to(definition: Definition) -> set[str]:
    return set(definition.settings.get("refers_to", "").split(",")) - {""}


def _group(definition: Definition) -> str:
    return definition.settings.get("priority_group", "")


@contextmanager
def evaluating(warehouse: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose every change is undone at the end.

    Raises StrataError with the first lines of what the warehouse said when it refuses.
    """
    try:
        with warehouse.connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise StrataError(
            "The warehouse could not evaluate it: " + " ".join(line.strip() for line in said[:3])
            + "\nIf tables are missing or have other columns: the project was changed since the "
            "last refresh, run `strata refresh` first."
        ) from error  # fmt: skip


def execute(connection: sa.Connection, sql: str, **values: Any) -> Any:
    """The result of compiled SQL, in which only the given names are parameters.

    Whatever else follows a colon, in a literal say, is left as it is.
    """
    if values:
        pattern = r"(?<![:\w\\]):(?!(?:" + "|".join(values) + r")\b)(?=\w)"
    else:
        pattern = r"(?<![:\w\\]):(?=\w)"
    return connection.execute(sa.text(re.sub(pattern, r"\\:", sql)), values)


def one_row(connection: sa.Connection, sql: str, **values: Any) -> Mapping[str, Any]:
    """The one row of a query, by column."""
    return dict(execute(connection, sql, **values).mappings().one())


def ids(connection: sa.Connection, sql: str) -> Sequence[str]:
    """The first column of a query's rows."""
    return [str(value) for value in execute(connection, sql).scalars()]


def _upstream_of_verdicts(dbt: Dbt) -> list[Any]:
    """The models of the segments folder that a run computes anew before it judges, in order."""
    nodes: Mapping[str, Any] = dbt.manifest.nodes
    ordered: list[Any] = []

    def visit(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if (
            node is None
            or not node.original_file_path.startswith("models/segments/")
            or node.config.materialized not in ("table", "view")
            or node in ordered
        ):
            return
        for parent in node.depends_on.nodes:
            visit(parent)
        ordered.append(node)

    for parent in nodes[VERDICTS].depends_on.nodes:
        visit(parent)
    return ordered


def _renamed(sql: str, names: Mapping[str, str]) -> str:
    for relation, name in names.items():
        sql = sql.replace(relation, name)
    return sql


def _literals(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


def _run_id() -> str:
    return f"tools_{uuid.uuid4().hex}"
