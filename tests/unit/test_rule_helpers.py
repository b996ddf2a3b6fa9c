"""Wrong arguments of rule helpers, and what segments say about each other, are checked early."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.factory import FACTORY
from dbt.cli.main import dbtRunner
from dbt.context.providers import generate_runtime_macro_context
from dbt_common.exceptions import CompilationError

from orchestration.project import PROJECT_DIR

Call = Callable[..., Any]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Calls a macro of the project, which dbt has parsed once."""
    folder = tmp_path_factory.mktemp("parsed")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STRATA_DUCKDB_PATH", str(folder / "strata.duckdb"))
        environment.setenv("DBT_TARGET_PATH", str(folder / "target"))
        environment.setenv("DBT_LOG_PATH", str(folder / "logs"))
        place = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        parsed = dbtRunner().invoke(["--quiet", "parse", *place])
    assert parsed.success, parsed.exception
    adapter: Any = FACTORY.adapters["duckdb"]
    adapter.set_macro_context_generator(generate_runtime_macro_context)
    adapter.set_macro_resolver(parsed.result)

    def macro(name: str, **arguments: Any) -> Any:
        return adapter.execute_macro(name, kwargs=arguments)

    return macro


def refused(call: Call, name: str, **arguments: Any) -> str:
    """The message of a macro that must refuse its arguments."""
    with pytest.raises(CompilationError) as error:
        call(name, **arguments)
    return " ".join(str(error.value).split())


EVENT_HELPERS: dict[str, dict[str, Any]] = {
    "performed": {},
    "not_performed": {},
    "performed_regularly": {"periods": 1, "of": 2},
    "stopped_performing": {"within": 7, "before": 7},
    "started_again": {"within": 7, "pause": 7},
    "first_time": {"within": 7},
}


@pytest.mark.parametrize("helper", EVENT_HELPERS)
@pytest.mark.parametrize("event", ["", "  ", [], ["a", ""], None, 7, {"a": 1}])
def test_an_event_is_a_name_or_names(call: Call, helper: str, event: Any) -> None:
    message = refused(call, helper, event=event, **EVENT_HELPERS[helper])
    assert f"{helper}() is given the event " in message
    assert "It takes the name of an event, such as 'project_created', or a list" in message


@pytest.mark.parametrize(
    ("helper", "arguments", "words"),
    [
        (
            "performed",
            {"event": "a", "at_least": 0},
            "performed() is given the at_least 0. It takes a whole number from 1.",
        ),
        ("performed", {"event": "a", "at_least": 2.5}, "the at_least 2.5. It takes a whole number"),
        (
            "performed",
            {"event": "a", "within": -7},
            "the within -7. It takes a whole number from 1, or none",
        ),
        ("performed", {"event": "a", "within": True}, "the within true."),
        (
            "not_performed",
            {"event": "a", "within": "7"},
            'not_performed() is given the within "7".',
        ),
        (
            "performed_in_order",
            {"events": "a"},
            'given the events "a". It takes a list of at least two',
        ),
        ("performed_in_order", {"events": ["a"]}, "It takes a list of at least two"),
        (
            "performed_in_order",
            {"events": ["a", ""]},
            'performed_in_order() is given the event "".',
        ),
        ("performed_in_order", {"events": ["a", "b"], "within": 0}, "the within 0."),
        (
            "performed_regularly",
            {"event": "a", "periods": 2, "of": 3, "unit": "year"},
            'the unit "year". Accepted: day, week, month.',
        ),
        ("performed_regularly", {"event": "a", "periods": 4, "of": 3}, "4 periods of the last 3."),
        ("performed_regularly", {"event": "a", "periods": 0, "of": 3}, "the periods 0."),
        (
            "stopped_performing",
            {"event": "a", "within": None, "before": 7},
            "the within null. It takes a whole number from 1.",
        ),
        ("stopped_performing", {"event": "a", "within": 7, "before": 0}, "the before 0."),
        ("started_again", {"event": "a", "within": 7, "pause": -1}, "the pause -1."),
        ("first_time", {"event": "a", "within": 0}, "the within 0."),
        ("in_segment", {"id": ""}, 'in_segment() is given the segment "". It takes the id'),
        (
            "not_in_segment",
            {"id": "two words"},
            'not_in_segment() is given the segment "two words".',
        ),
        ("entered_within", {"id": "vip", "days": 0}, "entered_within() is given the days 0."),
        ("entered_within", {"id": None, "days": 1}, "entered_within() is given the segment null."),
        (
            "top_share",
            {"column": "mrr", "share": 0.1},
            "the column \"mrr\". It takes one of customer_360, such as 'c.mrr'",
        ),
        (
            "top_share",
            {"column": "c.mrr", "share": 10},
            "top_share() is given the share 10. It takes a number above 0",
        ),
        ("top_share", {"column": "c.mrr", "share": 0}, "the share 0."),
        ("top_share", {"column": "c.mrr", "share": 0.00005}, "with at most four decimals"),
        ("top_share", {"column": "c.mrr", "share": "10%"}, 'the share "10%".'),
        (
            "score_between",
            {"column": "b.mrr", "low": 1, "high": 2},
            'score_between() is given the column "b.mrr".',
        ),
        (
            "score_between",
            {"column": "c.mrr", "low": 3, "high": 2},
            "low 3 and high 2. low is at most high.",
        ),
        (
            "score_between",
            {"column": "c.mrr", "low": "1", "high": 2},
            'the low "1". It takes a number.',
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_accepted(
    call: Call, helper: str, arguments: dict[str, Any], words: str
) -> None:
    assert words in refused(call, helper, **arguments)


def definition(segment: str, *conditions: str, **more: Any) -> dict[str, Any]:
    """A definition as `segment_definitions` hands it over."""
    named = {f"condition {i}": sql for i, sql in enumerate(conditions)}
    return {
        "id": segment, "entity": "customer", "conditions": named, "rule": dict(named),
        "requires": [], "examples": [], "definition_version": f"version of {segment}",
        "priority_group": None, "priority": None,
        "path": f"macros/segments/value/{segment}.sql", **more,
    }  # fmt: skip


def connected(call: Call, *definitions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    by_id = {one["id"]: one for one in definitions}
    call("connect_segments", definitions=by_id)
    return by_id


def test_segments_are_evaluated_after_those_they_refer_to(call: Call) -> None:
    found = connected(
        call,
        definition("a", call("not_in_segment", id="b") + " or " + call("in_segment", id="c__d")),
        definition("b", "c.mrr > 0", call("in_segment", id="c__d")),
        definition("c__d", "c.mrr > 0"),
        definition("e", call("entered_within", id="e", days=7), call("in_segment", id="b")),
    )
    assert {one: found[one]["refers_to"] for one in found} == {
        "a": ["b", "c__d"], "b": ["c__d"], "c__d": [], "e": ["b"],
    }  # fmt: skip
    assert call("evaluation_order", definitions=found) == ["c__d", "b", "a", "e"]
    assert found["b"]["read_by"] == ["a", "e"]
    assert set(found["e"]["references"]) == {"b", "e"}


def test_a_new_version_of_a_segment_is_one_of_those_that_refer_to_it(call: Call) -> None:
    def versions(of_vip: str) -> tuple[str, str]:
        vip = definition("vip", "c.mrr > 0", definition_version=of_vip)
        reader = definition("reader", call("in_segment", id="vip"))
        stays = definition("stays", call("entered_within", id="vip", days=7))
        found = connected(call, vip, reader, stays)
        return found["reader"]["definition_version"], found["stays"]["definition_version"]

    assert versions("1")[0] != versions("2")[0]
    assert versions("1")[1] == versions("2")[1]
    assert versions("1") == versions("1")


@pytest.mark.parametrize("helper", [("in_segment", {}), ("entered_within", {"days": 7})])
def test_an_unknown_segment_is_named_with_the_nearest(
    call: Call, helper: tuple[str, dict[str, Any]]
) -> None:
    name, arguments = helper
    message = refused(
        call,
        "connect_segments",
        definitions={
            **{one: definition(one, "c.mrr > 0") for one in ("champions", "loyal", "lost")},
            "reader": definition("reader", call(name, id="champion", **arguments)),
        },
    )
    assert (
        "segment__reader (macros/segments/value/reader.sql) refers to the unknown segment "
        "'champion'. "
        "The nearest: champions, " in message
    )


def test_a_circle_is_named_in_its_order(call: Call) -> None:
    definitions = [
        definition("on_its_way", call("in_segment", id="b")),
        definition("a", call("in_segment", id="b")),
        definition("b", call("in_segment", id="c"), call("in_segment", id="fine")),
        definition("c", call("not_in_segment", id="a")),
        definition("fine", "c.mrr > 0"),
    ]
    message = refused(call, "connect_segments", definitions={one["id"]: one for one in definitions})
    assert (
        "segment__b (macros/segments/value/b.sql) depends on itself: b needs c needs a needs b."
        in message
    )
    itself = {"a": definition("a", call("in_segment", id="a"))}
    assert "a needs a." in refused(call, "connect_segments", definitions=itself)


@pytest.mark.parametrize(
    ("rule", "more", "words"),
    [
        ("performed", {"requires": []}, "'condition 0' what was done, and does not require events"),
        (
            "performed",
            {"examples": [{"events": [{"event": "a"}]}]},
            'example with the event {"event": "a"}. It takes {\'event\': name,',
        ),
        (
            "performed",
            {"examples": [{"events": [{"event": "a", "days_ago": 1, "times": 2}]}]},
            "It takes {'event': name",
        ),
        (
            "performed",
            {"examples": [{"in": ["vip"]}]},
            "'in' naming the segment 'vip', which no condition asks for.",
        ),
    ],
)
def test_a_rule_over_events_and_its_examples_are_checked(
    call: Call, rule: str, more: dict[str, Any], words: str
) -> None:
    one = definition("one", call(rule, event="a"), **{"requires": ["events"], **more})
    assert words in refused(call, "connect_segments", definitions={"one": one})


def test_the_registry_shows_rules_with_the_names_of_tables(call: Call) -> None:
    rule = call("performed", event="a", within=7)
    one = definition(
        "one", rule, call("in_segment", id="two"), requires=["events"], entity="account"
    )
    found = connected(call, one, definition("two", "c.mrr > 0"))["one"]["rule"]
    assert "__" not in "".join(found.values())
    assert "from customer_360.fct_daily_activity as done" in found["condition 0"]
    assert found["condition 0"].startswith("a.account_id in (select account_id from (")
    assert "segments.segment_candidates where segment_id = 'two'" in found["condition 1"]


def test_every_helper_has_its_page() -> None:
    page = Path(PROJECT_DIR, "docs", "rule-helpers.md").read_text()
    helpers = [*EVENT_HELPERS, "performed_in_order", "in_segment", "not_in_segment",
               "entered_within", "top_share", "score_between"]  # fmt: skip
    assert [one for one in helpers if f"### {one}(" not in page] == []
