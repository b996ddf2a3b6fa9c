"""docs/source-map.md says what the models do."""

import pytest

from orchestration.lineage import ROWS, Column, Origin, origins_of
from orchestration.source_map import (
    COMMAND,
    LINEAGE,
    PAGE,
    SourceMap,
    read_source_map,
    render,
    render_lineage,
)


@pytest.fixture(scope="module")
def source_map() -> SourceMap:
    return read_source_map()


def test_the_page_is_up_to_date(source_map: SourceMap) -> None:
    assert PAGE.read_text() == render(source_map), f"write docs/source-map.md again: {COMMAND}"
    again = f"write expectations/column_lineage.csv again: {COMMAND}"
    assert LINEAGE.read_text() == render_lineage(source_map), again


def test_every_column_of_the_360s_comes_from_somewhere(source_map: SourceMap) -> None:
    """Identity, a raw column or at least a seed is behind each; a gap is a gap in the reading."""
    nowhere = [
        f"{model}.{column}"
        for model in ("customer_360", "account_360")
        for column in source_map.node(model).columns
        for traced in [source_map.trace(model, column)]
        if not (traced.interfaces.values | traced.raw.values | traced.raw.conditions)
    ]
    assert nowhere == []


def test_a_column_is_followed_through_every_system(source_map: SourceMap) -> None:
    traced = source_map.trace("customer_360", "mrr")
    raw = {(source_map.of(one.relation).name, one.name) for one in traced.raw.values}
    assert {("stripe.price", "unit_amount"), ("generic.subscriptions", "mrr")} <= raw
    interfaces = {(source_map.of(one.relation).name, one.name) for one in traced.interfaces.values}
    assert interfaces == {
        ("stg_billing__subscriptions", "mrr"),
        ("stg_billing__subscription_changes", "mrr"),
    }


def origins(sql: str) -> dict[str, Origin]:
    relations = {"s.t": "t", "s.u": "u", "s.names": "names"}
    columns = {"t": ["id", "a", "b", "c"], "u": ["id", "d"], "names": ["code", "name"]}
    return origins_of("test", sql, relations, columns, lookups={"names"}, with_filters=True)


def names(columns: set[Column]) -> set[str]:
    return {f"{column.relation}.{column.name}" for column in columns}


@pytest.mark.parametrize(
    ("sql", "values", "conditions"),
    [
        ("select a as x from s.t", {"t.a"}, set()),
        ("select case when b > 1 then a else 0 end as x from s.t", {"t.a"}, {"t.b"}),
        ("select max(a) filter (where b = 1) as x from s.t", {"t.a"}, {"t.b"}),
        ("select max(a) as x from s.t where b = 1 and c is not null", {"t.a"}, {"t.b"}),
        ("select count(*) as x from s.t", {f"t.{ROWS}"}, set()),
        (
            "select max(a) as x from s.t where b = 1 group by id having count(*) > 1",
            {"t.a"},
            {"t.b", f"t.{ROWS}"},
        ),
        ("with w as (select * from s.t where c = 1) select sum(a) as x from w", {"t.a"}, {"t.c"}),
        ("select a as x from s.t union all select d from s.u", {"t.a", "u.d"}, set()),
        ("select t.a as x from s.t as t join s.u as u on t.id = u.id", {"t.a"}, set()),
        (
            "select n.name as x from s.t as t join s.names as n on t.b = n.code",
            {"names.name"},
            {"t.b", "names.code"},
        ),
        (
            "with w as (select *, row_number() over (partition by id order by c) as n from s.t) "
            "select a as x from w where n = 1",
            {"t.a"},
            {"t.id", "t.c"},
        ),
        (
            "with recursive r as (select a as x from s.t union all select x + 1 from r) "
            "select x from r",
            {"t.a"},
            set(),
        ),
        (
            "select (select max(d) from s.u where u.id = t.id) as x from s.t",
            {"u.d"},
            {"u.id", "t.id"},
        ),
    ],
)
def test_what_a_column_is_made_from(sql: str, values: set[str], conditions: set[str]) -> None:
    origin = origins(sql)["x"]
    assert names(origin.values) == values
    assert names(origin.conditions) == conditions
