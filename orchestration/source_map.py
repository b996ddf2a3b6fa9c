"""docs/source-map.md: what every column of the 360s is computed from, read from the SQL itself.

The project is compiled by dbt over empty raw tables that have every column the source YAML
declares, once for each choice of systems that is needed to see all adapters. `lineage` reads each
compiled model; here the models are put together, from the 360s down to the raw columns.
"""

import csv
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.dbt import Dbt
from orchestration.lineage import ROWS, Column, Origin, origins_of
from orchestration.project import PROJECT_DIR, parse_sources

PAGE = PROJECT_DIR / "docs" / "source-map.md"
LINEAGE = PROJECT_DIR / "expectations" / "column_lineage.csv"
THREE_SIXTIES = ("customer_360", "account_360")
COMMAND = ".venv/bin/strata source-map"


@dataclass(frozen=True)
class Node:
    """What the map needs to know of a model, seed or source."""

    unique_id: str
    name: str
    kind: str  # model, seed or source
    relation: str  # schema.table, lower case
    folders: tuple[str, ...]  # of a model: below models/
    columns: Mapping[str, str]  # name: description
    code: str  # as written
    sql: str  # as compiled
    parents: tuple[str, ...]

    @property
    def is_interface(self) -> bool:
        """A staging interface, which adapters stand behind."""
        return self.kind == "model" and len(self.folders) == 2 and self.folders[0] == "staging"

    @property
    def is_staging(self) -> bool:
        """An interface or an adapter."""
        return self.folders[:1] == ("staging",)

    @property
    def is_identity(self) -> bool:
        """One of the models that decide who is the same person."""
        return self.folders[:1] == ("identity",)


@dataclass
class Traced:
    """What lies behind one column."""

    models: list[str] = field(default_factory=list)  # nearest first
    columns: set[Column] = field(default_factory=set)  # of those models
    interfaces: Origin = field(default_factory=Origin)  # and identity columns
    raw: Origin = field(default_factory=Origin)  # and columns of seeds


class SourceMap:
    """The lineage of the whole project, for several choices of systems."""

    def __init__(self, choices: list[dict[str, Node]]) -> None:
        self._nodes = {name: node for nodes in reversed(choices) for name, node in nodes.items()}
        self._origins: dict[str, dict[str, Origin]] = {}
        self._behind_interface: dict[Column, Origin] = {}
        for position, nodes in enumerate(choices):
            self._read(nodes, only_staging=position > 0)

    def _read(self, nodes: Mapping[str, Node], *, only_staging: bool) -> None:
        """Adds what one choice of systems shows; behind staging all choices are the same."""
        origins: dict[str, dict[str, Origin]] = {}
        columns = {name: list(node.columns) for name, node in nodes.items()}
        lookups = {name for name, node in nodes.items() if node.kind == "seed"}
        for node in _parents_first(nodes):
            if node.kind != "model" or (only_staging and not node.is_staging):
                continue
            relations = {nodes[one].relation: one for one in node.parents if one in nodes}
            if all(nodes[one].kind == "seed" or one in lookups for one in node.parents):
                lookups.add(node.unique_id)
            origins[node.unique_id] = origins_of(
                node.name,
                node.sql,
                relations,
                columns,
                lookups=lookups,
                with_filters=not node.is_staging,
            )
            columns[node.unique_id] = [one for one in origins[node.unique_id] if one != ROWS]
        for node in nodes.values():
            if node.is_interface:
                for name, origin in origins[node.unique_id].items():
                    column = Column(node.unique_id, name)
                    self._behind_interface.setdefault(column, Origin()).take(
                        _down_to_raw(origin, nodes, origins)
                    )
        if not only_staging:
            self._origins = origins

    def node(self, name: str) -> Node:
        """A model by its name."""
        return self._nodes[f"model.strata.{name}"]

    def of(self, unique_id: str) -> Node:
        """A model, seed or source by its unique id."""
        return self._nodes[unique_id]

    def sources(self) -> list[Node]:
        """The raw tables that a system lands, by name."""
        found = [node for node in self._nodes.values() if node.kind == "source" and node.columns]
        return sorted(found, key=lambda node: node.unique_id)

    def trace(self, model: str, column: str) -> Traced:
        """Everything behind a column of a 360."""
        traced = Traced()
        start = self.node(model).unique_id
        self._walk(Column(start, column), traced, set(), decides=False)
        traced.models.remove(self.node(model).name)
        for found in (traced.interfaces, traced.raw):
            found.conditions -= found.values
        return traced

    def values_of(self, model: str, column: str) -> set[Column]:
        """The columns that a column of a model takes its values from."""
        return self._origins[self.node(model).unique_id].get(column, Origin()).values

    def identity_inputs(self) -> Origin:
        """Raw columns that the identity models read."""
        found = Origin()
        for unique_id, origins in self._origins.items():
            if self._nodes[unique_id].is_identity:
                for origin in origins.values():
                    for column in origin.values | origin.conditions:
                        if self._nodes[column.relation].is_interface and column.name != ROWS:
                            found.take(self._behind_interface.get(column, Origin()))
        return found

    def _walk(
        self, column: Column, traced: Traced, seen: set[tuple[Column, bool]], *, decides: bool
    ) -> None:
        if (column, decides) in seen or (column, False) in seen:
            return
        seen.add((column, decides))
        node = self._nodes[column.relation]
        if node.is_identity:
            # Which customer a row belongs to would otherwise be behind every column.
            if not decides:
                traced.interfaces.values.add(column)
            return
        if node.is_interface:
            traced.interfaces.take(Origin({column}), only_decides=decides)
            traced.raw.take(self._behind_interface.get(column, Origin()), only_decides=decides)
            return
        if node.kind == "seed":
            traced.raw.take(Origin({column}), only_decides=decides)
            return
        if node.kind == "source":
            return
        traced.columns.add(column)
        if node.name not in traced.models:
            traced.models.append(node.name)
        origin = self._origins[column.relation].get(column.name, Origin())
        for one in sorted(origin.values):
            self._walk(one, traced, seen, decides=decides)
        for one in sorted(origin.conditions):
            self._walk(one, traced, seen, decides=True)


def _down_to_raw(
    origin: Origin, nodes: Mapping[str, Node], origins: Mapping[str, Mapping[str, Origin]]
) -> Origin:
    """A staging column's origin, through the adapters, in raw columns and seeds."""
    found = Origin()
    for columns, decides in ((origin.values, False), (origin.conditions, True)):
        for column in columns:
            node = nodes[column.relation]
            if node.kind == "model":
                one = origins[column.relation].get(column.name, Origin())
                behind = _down_to_raw(one, nodes, origins)
            else:
                behind = Origin({column})
            found.take(behind, only_decides=decides)
    return found


def _parents_first(nodes: Mapping[str, Node]) -> Iterator[Node]:
    done: set[str] = set()

    def visit(unique_id: str) -> Iterator[Node]:
        if unique_id in done or unique_id not in nodes:
            return
        done.add(unique_id)
        for parent in nodes[unique_id].parents:
            yield from visit(parent)
        yield nodes[unique_id]

    for unique_id in sorted(nodes):
        yield from visit(unique_id)


# --- compiling ---------------------------------------------------------------


def read_source_map() -> SourceMap:
    """Compiles the project for every system and reads its lineage. Takes half a minute.

    Raises UsageError when the project does not parse, StrataError when a model's SQL
    cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="strata-source-map-") as folder:
        settings = {
            "STRATA_DUCKDB_PATH": str(Path(folder) / "empty.duckdb"),
            "DBT_TARGET_PATH": str(Path(folder) / "target"),
            "DBT_LOG_PATH": str(Path(folder) / "logs"),
        }
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            return SourceMap(list(_compiled(Path(settings["STRATA_DUCKDB_PATH"]))))
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _compiled(warehouse: Path) -> Iterator[dict[str, Node]]:
    chosen = parse_sources(None)
    dbt = Dbt("duckdb", {"strata_sources": chosen, "demo_data": False})
    waiting = _systems(dbt.manifest)
    chosen = {domain: chosen.get(domain, "none") for domain in waiting}
    if "none" in chosen.values():
        chosen = {
            domain: waiting[domain][0] if system == "none" else system
            for domain, system in chosen.items()
        }
        dbt = Dbt("duckdb", {"strata_sources": chosen, "demo_data": False})
    while True:
        _make_raw_tables(warehouse, dbt.manifest)
        yield _nodes(dbt)
        for domain, system in chosen.items():
            if system in waiting[domain]:
                waiting[domain].remove(system)
        if not any(waiting.values()):
            return
        chosen = {domain: (waiting[domain] or [chosen[domain]])[0] for domain in chosen}
        dbt = Dbt("duckdb", {"strata_sources": chosen, "demo_data": False})


def _systems(manifest: Any) -> dict[str, list[str]]:
    """The systems that have adapters, by domain: the folders of models/staging."""
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    models += [node for nodes in manifest.disabled.values() for node in nodes]
    found: dict[str, set[str]] = {}
    for node in models:
        if node.resource_type == "model" and node.fqn[1] == "staging" and len(node.fqn) == 5:
            found.setdefault(node.fqn[2], set()).add(node.fqn[3])
    return {domain: sorted(systems) for domain, systems in sorted(found.items())}


def _make_raw_tables(warehouse: Path, manifest: Any) -> None:
    import duckdb

    with duckdb.connect(str(warehouse)) as connection:
        for source in manifest.sources.values():
            columns = [f'"{name}" {column.data_type}' for name, column in source.columns.items()]
            if columns:
                connection.execute(f'create schema if not exists "{source.schema}"')
                connection.execute(
                    f'create table if not exists "{source.schema}"."{source.identifier}" '
                    f"({', '.join(columns)})"
                )


def _nodes(dbt: Dbt) -> dict[str, Node]:
    compiled = dbt.compiled([f"+{name}" for name in THREE_SIXTIES])
    found: dict[str, Node] = {}
    for unique_id, source in dbt.manifest.sources.items():
        found[unique_id] = Node(
            unique_id,
            f"{source.source_name}.{source.name}",
            "source",
            f"{source.schema}.{source.identifier}".lower(),
            (),
            {name.lower(): column.description for name, column in source.columns.items()},
            "",
            "",
            (),
        )
    for unique_id, node in dbt.manifest.nodes.items():
        kind = str(node.resource_type)
        if kind not in ("model", "seed") or (kind == "model" and unique_id not in compiled):
            continue
        columns = {name: column.description for name, column in node.columns.items()}
        found[unique_id] = Node(
            unique_id,
            node.name,
            kind,
            f"{node.schema}.{node.alias}".lower(),
            tuple(node.fqn[1:-1]),
            columns or dict.fromkeys(_header(PROJECT_DIR / node.original_file_path), ""),
            node.raw_code,
            compiled.get(unique_id, ""),
            tuple(getattr(node.depends_on, "nodes", ())),
        )
    return found


def _header(path: Path) -> list[str]:
    if path.suffix != ".csv":
        return []
    with path.open(newline="") as lines:
        return next(csv.reader(lines), [])


# --- the page ----------------------------------------------------------------

INTRODUCTION = f"""# Source map

What every column of `customer_360` and `account_360` is computed from, down to the columns of the
raw tables, for every system that has an adapter. Generated from the project's compiled SQL; after a
change of models write it again with `{COMMAND}`.

- Plain names are columns whose values go into the result. *Names in italics* only decide: they are
  in a filter, in the `when` of a case or in the order of a window. A column that does both is
  plain. *rows* means that rows are counted.
- What joins compare is left out, unless a value is looked up in a seed. So are the rows that
  staging drops (deleted, test mode, rejected, later than the run's instant):
  [sources.md](sources.md) says which.
- Which customer a row belongs to is decided by the identity models, from
  [these columns](#identity). They are behind every customer's columns and not repeated with each.
- Computed by: the models on the way, nearest first. Interface: columns of the staging interfaces,
  which are the same whatever the system is. Raw: source, table and columns; a seed is a file of
  `seeds/reference`.
"""


def write_page(path: Path = PAGE, lineage: Path = LINEAGE) -> None:
    """Writes the page, and what the audit reads of it."""
    source_map = read_source_map()
    path.write_text(render(source_map))
    lineage.write_text(render_lineage(source_map))


def render_lineage(source_map: SourceMap) -> str:
    """For each column of a staging interface, for its rows, and for each column of a 360, the
    columns of the 360s that are computed from it, as CSV."""
    traced = {
        (model, name): source_map.trace(model, name)
        for model in THREE_SIXTIES
        for name in source_map.node(model).columns
    }
    found: dict[tuple[str, str], set[str]] = {}
    for (model, name), trace in traced.items():
        computed = f"{model.partition('_')[0]}.{name}"
        for column in trace.interfaces.values | trace.interfaces.conditions:
            key = source_map.of(column.relation).relation, column.name
            found.setdefault(key, set()).add(computed)
        # A column of a 360 is one of a feature model; who reads that one reads the same.
        for other, column_name in traced:
            if source_map.values_of(other, column_name) & trace.columns:
                key = source_map.node(other).relation, column_name
                found.setdefault(key, set()).add(computed)
    lines = [
        f"{relation},{column},{' '.join(sorted(columns))}"
        for (relation, column), columns in sorted(found.items())
    ]
    return "\n".join(["interface,column,columns_of_360s", *lines]) + "\n"


def render(source_map: SourceMap) -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION]
    used: dict[Column, dict[str, list[str]]] = {}
    for model in THREE_SIXTIES:
        parts.append(f"## {model}\n")
        node = source_map.node(model)
        section = None
        for name, heading in _sections(node):
            if heading != section or name == next(iter(node.columns)):
                section = heading
                parts.append(f"{_heading(heading)}{_table_head()}")
            traced = source_map.trace(model, name)
            _remember(used, model, name, traced.raw)
            parts.append(_row(source_map, name, node.columns[name], traced))
        parts.append("")
    parts.append(_identity(source_map))
    parts.append(_reverse(source_map, used))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _sections(node: Node) -> Iterator[tuple[str, str]]:
    """A 360's columns with the ruler above them in its SQL."""
    ruler = ""
    rulers: dict[str, str] = {}
    for line in node.code.splitlines():
        text = line.strip()
        if text.startswith("-- "):
            ruler = text.removeprefix("-- ")
        named = re.search(r"(?:\bas\s+|\.|^)(\w+),?$", text)
        if named and named[1] in node.columns:
            rulers.setdefault(named[1], ruler)
    order = list(dict.fromkeys(rulers.values()))
    columns = sorted(node.columns, key=lambda name: order.index(rulers.get(name, order[0])))
    for name in columns:
        yield name, rulers.get(name, order[0])


def _heading(text: str) -> str:
    return f"\n### {text[:1].upper()}{text[1:]}\n\n" if text else "\n"


def _table_head() -> str:
    return "| column | computed by | interface | raw |\n| --- | --- | --- | --- |"


def _row(source_map: SourceMap, name: str, description: str, traced: Traced) -> str:
    models = [f"`{model}`" for model in traced.models]
    cells = [
        f"**`{name}`**<br>{_plain(description)}",
        "<br>".join(models),
        _by_relation(source_map, traced.interfaces, "`{}`"),
        _by_relation(source_map, traced.raw, "**{}**"),
    ]
    return "| " + " | ".join(cell or "-" for cell in cells) + " |"


def _by_relation(source_map: SourceMap, origin: Origin, style: str) -> str:
    """`table`: its columns, one line for each table."""
    lines: dict[str, list[str]] = {}
    for column, is_value in _marked(origin):
        node = source_map.of(column.relation)
        label = f"seed {node.name}" if node.kind == "seed" else node.name
        lines.setdefault(label, []).append(_name(column.name, is_value))
    return "<br>".join(
        f"{style.format(label)}: {', '.join(names)}" for label, names in sorted(lines.items())
    )


def _marked(origin: Origin) -> list[tuple[Column, bool]]:
    return sorted(
        [(column, column in origin.values) for column in origin.values | origin.conditions]
    )


def _name(name: str, is_value: bool) -> str:
    if name == ROWS:
        return "*rows*"
    return f"`{name}`" if is_value else f"*`{name}`*"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _remember(
    used: dict[Column, dict[str, list[str]]], model: str, name: str, origin: Origin
) -> None:
    for column, is_value in _marked(origin):
        used.setdefault(column, {}).setdefault(model, []).append(_name(name, is_value))


def _identity(source_map: SourceMap) -> str:
    origin = source_map.identity_inputs()
    tables: dict[str, list[str]] = {}
    for column in sorted(origin.values | origin.conditions):
        tables.setdefault(source_map.of(column.relation).name, []).append(f"`{column.name}`")
    lines = [f"| {table} | {', '.join(columns)} |" for table, columns in sorted(tables.items())]
    return "\n".join(
        [
            "## Identity\n",
            "What the identity models read to decide which rows are the same person, when a "
            "customer was first known and who is a test account.\n",
            "| table | columns |\n| --- | --- |",
            *lines,
            "",
        ]
    )


def _reverse(source_map: SourceMap, used: Mapping[Column, Mapping[str, list[str]]]) -> str:
    parts = [
        "## From raw columns to features\n",
        "The same the other way round: what changes when a raw column does. A dash means that no "
        "column of that 360 is computed from it; it may still identify people, hold tables "
        "together or decide which rows are read.\n",
    ]
    system = ""
    for source in source_map.sources():
        if source.name.split(".")[0] != system:
            system = source.name.split(".")[0]
            parts.append(
                f"\n### {system}\n\n"
                "| raw column | customer_360 | account_360 |\n| --- | --- | --- |"
            )
        for name in [*source.columns, ROWS]:
            features = used.get(Column(source.unique_id, name), {})
            if name == ROWS and not features:
                continue
            label = f"{source.name} (rows)" if name == ROWS else f"`{source.name}.{name}`"
            cells = [", ".join(features.get(model, [])) or "-" for model in THREE_SIXTIES]
            parts.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(parts)
