"""Which columns a SQL statement computes each of its columns from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from orchestration.errors import StrataError

ROWS = "*"  # The rows of a relation are counted, whatever is in them.


class Column(NamedTuple):
    """A column of a relation, by the relation's unique id in dbt."""

    relation: str
    name: str


@dataclass
class Origin:
    """What a column is made from: columns whose values it takes, and columns that only
    decide (filters, cases, the order within a window)."""

    values: set[Column] = field(default_factory=set)
    conditions: set[Column] = field(default_factory=set)

    def take(self, other: "Origin", *, only_decides: bool = False) -> None:
        """Adds another origin, whose values only decide here if so said."""
        (self.conditions if only_decides else self.values).update(other.values)
        self.conditions.update(other.conditions)


def origins_of(
    name: str,
    sql: str,
    relations: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    *,
    lookups: Collection[str],
    with_filters: bool,
) -> dict[str, Origin]:
    """The origin of each output column of a DuckDB `select`, in its order, and of ROWS.

    `relations` maps a relation as the SQL names it (`schema.table`, lower case) to its
    unique id, `columns` a unique id to the relation's columns. What a join compares is
    no condition, since it says which rows belong together, unless the join looks a value
    up in one of `lookups`. Without `with_filters` neither are `where` and `having`.
    Raises StrataError, naming the model, for SQL that cannot be understood.
    """
    schema: dict[str, Any] = {}
    for relation, unique_id in relations.items():
        database, table = relation.split(".")
        if columns.get(unique_id):
            schema.setdefault(database, {})[table] = dict.fromkeys(columns[unique_id], "text")
    try:
        statement = sqlglot.parse_one(sql, dialect="duckdb")
        for named in statement.find_all(exp.Table):
            named.set("catalog", None)
        qualified = qualify(
            statement,
            dialect="duckdb",
            schema=schema,
            validate_qualify_columns=False,
            allow_partial_qualification=True,  # an adapter may lack a column of its interface
            quote_identifiers=False,
        )
        scope = build_scope(qualified)
    except SqlglotError as error:
        raise StrataError(f"The compiled SQL of {name} cannot be read: {error}") from error
    if scope is None:
        raise StrataError(f"The compiled SQL of {name} is not a select.")
    return _Tracer(relations, lookups, with_filters=with_filters).trace(scope)


class _Tracer:
    def __init__(
        self, relations: Mapping[str, str], lookups: Collection[str], *, with_filters: bool
    ) -> None:
        self._relations = relations
        self._lookups = lookups
        self._with_filters = with_filters
        self._known: dict[tuple[int, str], Origin] = {}
        self._joining: set[int] = set()

    def trace(self, scope: Scope) -> dict[str, Origin]:
        origins = {name: self._column(scope, name) for name in _outputs(scope)}
        return {**origins, ROWS: self._rows(scope)}

    def _column(self, scope: Scope, name: str) -> Origin:
        """One output column of a scope."""
        key = (id(scope), name)
        if key in self._known:
            return self._known[key]
        origin = self._known[key] = Origin()  # A recursive CTE meets itself here.
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            names = _outputs(scope)
            for branch in scope.set_operation_scopes:
                there = _outputs(branch)
                position = names.index(name) if name in names else -1
                if 0 <= position < len(there):
                    origin.take(self._column(branch, there[position]))
        elif isinstance(expression, exp.Select):
            for projection in expression.selects:
                if projection.alias_or_name == name:
                    origin.take(self._expression(scope, projection))
            origin.take(self._filters(scope), only_decides=True)
        else:  # values, unnest and the like: everything inside
            origin.take(self._expressions(scope, expression.find_all(exp.Column)))
        return origin

    def _filters(self, scope: Scope) -> Origin:
        found = Origin()
        if self._with_filters:
            for clause in ("where", "having", "qualify"):
                condition = scope.expression.args.get(clause)
                for one in _conjuncts(condition.this) if condition is not None else []:
                    if not _is_presence(one):
                        found.take(self._expression(scope, one))
        return found

    def _rows(self, scope: Scope) -> Origin:
        """What decides how many rows a scope has, for what counts them."""
        key = (id(scope), ROWS)
        if key in self._known:
            return self._known[key]
        origin = self._known[key] = Origin()  # `having count(*) > 1` meets itself here.
        if isinstance(scope.expression, exp.SetOperation):
            for branch in scope.set_operation_scopes:
                origin.take(self._rows(branch))
            return origin
        origin.take(self._filters(scope), only_decides=True)
        clause = scope.expression.args.get("from_")
        if clause is not None:
            source = scope.sources.get(clause.this.alias_or_name)
            if isinstance(source, exp.Table):
                origin.values.update(self._of_table(source, ROWS))
            elif isinstance(source, Scope):
                origin.take(self._rows(source))
        return origin

    def _expressions(self, scope: Scope, expressions: Iterable[exp.Expr]) -> Origin:
        found = Origin()
        for one in expressions:
            found.take(self._expression(scope, one))
        return found

    def _expression(self, scope: Scope, node: exp.Expr) -> Origin:
        """An expression within a scope, its deciding parts apart."""
        if isinstance(node, exp.Column):
            return self._reference(scope, node)
        if isinstance(node, exp.Query):
            return self._subquery(scope, node)
        if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
            return self._rows(scope)
        deciding = _deciding(node)
        found = Origin()
        for child in node.iter_expressions():
            decides = any(child is one for one in deciding)
            found.take(self._expression(scope, child), only_decides=decides)
        return found

    def _subquery(self, scope: Scope, node: exp.Query) -> Origin:
        inner = node.unnest()
        for candidate in scope.subquery_scopes:
            if candidate.expression is inner:
                found = Origin()
                for name in _outputs(candidate):
                    found.take(self._column(candidate, name))
                return found
        return Origin()

    def _reference(self, scope: Scope, column: exp.Column) -> Origin:
        at: Scope | None = scope
        while at is not None and column.table not in at.sources:
            at = at.parent
        if at is None:
            return Origin()
        source = at.sources[column.table]
        found = Origin()
        if isinstance(source, Scope):
            found.take(self._column(source, column.name))
        else:
            found.values.update(self._of_table(source, column.name))
        if found.values and all(one.relation in self._lookups for one in found.values):
            found.take(self._looked_up_by(at, column.table), only_decides=True)
        return found

    def _looked_up_by(self, scope: Scope, table: str) -> Origin:
        """What is compared with a lookup to find its row."""
        found = Origin()
        for join in scope.expression.args.get("joins") or []:
            compared = join.args.get("on")
            if (
                join.alias_or_name == table
                and compared is not None
                and id(join) not in self._joining
            ):
                self._joining.add(id(join))
                found.take(self._expression(scope, compared))
                self._joining.remove(id(join))
        return found

    def _of_table(self, table: exp.Expr, column: str) -> set[Column]:
        assert isinstance(table, exp.Table)  # noqa: S101 - a source is a scope or a table
        relation = self._relations.get(f"{table.db}.{table.name}".lower())
        return {Column(relation, column.lower())} if relation else set()


def _outputs(scope: Scope) -> list[str]:
    expression = scope.expression
    return expression.named_selects if isinstance(expression, exp.Query) else []


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _is_presence(condition: exp.Expr) -> bool:
    """`x is not null`: leaves out what is missing, and decides nothing about the rest."""
    test = condition.unnest()
    return (
        isinstance(test, exp.Not)
        and isinstance(test.this, exp.Is)
        and isinstance(test.this.this, exp.Column)
        and isinstance(test.this.expression, exp.Null)
    )


def _deciding(node: exp.Expr) -> list[exp.Expr]:
    """The parts of an expression that choose a value without being one."""
    if isinstance(node, exp.Case):
        return [node.this] if node.this is not None else []
    if isinstance(node, exp.If):
        return [node.this]
    if isinstance(node, exp.Filter):
        return [node.expression]
    if isinstance(node, exp.Window):
        order = node.args.get("order")
        return [*(node.args.get("partition_by") or []), *([order] if order else [])]
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return [node.expression]
    return []
