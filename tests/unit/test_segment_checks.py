"""Mistakes in what a segment says, as `dbt` alone finds them: one message, naming the file.

The macros are rendered by Jinja itself, with stand-ins for what dbt puts beside them.
"""

import datetime
import json
import re
from collections.abc import Callable
from typing import Any

import jinja2
import pytest

from orchestration.project import PROJECT_DIR

ENGINE = PROJECT_DIR / "macros" / "segment_engine"
TEXTS = {"label": "Loyal", "description": "They are loyal.", "owner": "ann@shop.example"}
GOOD = {**TEXTS, "type": "loyalty", "conditions": {"has bought": "c.purchase_count > 0"}}
PATH = "macros/segments/loyalty/loyal.sql"


class Refused(Exception):
    """What dbt would print."""


class Returned(Exception):
    """The value of a macro that returns one."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Exceptions:
    """dbt's `exceptions`."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def raise_compiler_error(self, message: str) -> None:
        raise Refused(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message.strip())


class Modules:
    """dbt's `modules`."""

    re = re
    datetime = datetime


def returned(value: Any) -> None:
    raise Returned(value)


def macro(name: str, **context: Any) -> Callable[..., Any]:
    """A macro of the segment engine as a function. As in dbt, each macro of its file returns
    for itself: they are templates of their own, which call each other through their globals."""
    jinja = jinja2.Environment(extensions=["jinja2.ext.do"])  # noqa: S701
    jinja.globals.update({"return": returned, "modules": Modules, "tojson": json.dumps} | context)
    jinja.globals.setdefault("exceptions", Exceptions())
    text = (ENGINE / f"{name}.sql").read_text()
    # Jinja exports no macro whose name begins with _.
    text = re.sub(r"\b_(?=[a-z])", "own_", text)
    bodies = re.findall(r"({% macro (\w+)\(.*?{% endmacro %})", text, re.DOTALL)
    functions: dict[str, Callable[..., Any]] = {}
    for _, own_name in bodies:
        jinja.globals[own_name] = lambda *given, of=own_name, **named: functions[of](
            *given, **named
        )
    for body, own_name in bodies:
        functions[own_name] = returning(getattr(jinja.from_string(body).module, own_name))
    return functions[name]


def returning(called: Callable[..., Any]) -> Callable[..., Any]:
    """A macro that may `return`."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return called(*arguments, **named)
        except Returned as result:
            return result.value

    return call


def checked(path: str = PATH, **given: Any) -> None:
    """Checks the good segment with other arguments; none for one that is not given."""
    segment_types = macro("segment_types")
    domains = ["crm", "billing", "events", "support", "survey"]
    check = macro("check_segment", segment_types=segment_types, staging_adapters=lambda: domains)
    arguments = {name: value for name, value in (GOOD | given).items() if value != "not given"}
    check("loyal", macro("segment")(**arguments), path)


def test_what_is_right_passes() -> None:
    checked()
    checked(
        entity="account", requires=["billing"], min_size=0, max_share=0.5, max_change=1,
        purpose="Thank them", review_by="2028-02-29", priority_group="tiers", priority=1,
        examples=[{"given": {"mrr": 1}, "member": True}, {"given": {}, "member": False}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ownr": "ann"}, "unknown argument 'ownr'. Accepted: label, description, type, owner"),
        ({"path": "macros/segments/loyalty/royal.sql"}, "Accepted: loyal.sql, or name the macro"),
        ({"label": "not given"}, "has no label. It takes the name that people read"),
        ({"label": ["Loyal"]}, 'has the label ["Loyal"]. It takes a text'),
        ({"description": "  "}, "has no description. It takes one sentence"),
        ({"owner": "not given"}, "has no owner. It takes an e-mail address"),
        ({"owner": "Growth team"}, "has the owner 'Growth team'. It takes an e-mail address"),
        ({"type": "worth"}, "has the type 'worth'. Accepted: a_priori, demographic, "),
        ({"type": "not given"}, "has no type. It takes one of a_priori, demographic, "),
        ({"entity": "company"}, "has the entity 'company'. Accepted: customer, account"),
        ({"conditions": "c.mrr > 0"}, "has no conditions. It takes at least one {name: SQL}"),
        ({"conditions": {}}, "has no conditions"),
        ({"conditions": {"pays": " "}}, "has an empty condition 'pays'"),
        ({"conditions": {"pays": True}}, "has the condition 'pays': true. It takes SQL as a text"),
        ({"conditions": {"pays": "c.plan = 'team"}}, "has an unclosed quote in the condition"),
        ({"requires": "billing"}, "has requires \"billing\". It takes a list such as ['billing']"),
        ({"requires": ["bills"]}, "requires the unknown domain 'bills'. Domains: crm, billing"),
        ({"min_size": "5"}, 'has the min_size "5". It takes a whole number from 0'),
        ({"min_size": True}, "has the min_size true"),
        ({"max_share": 30}, "has the max_share 30. It takes a share from 0 to 1"),
        ({"max_change": None}, "has the max_change null. It takes a share from 0 to 1"),
        ({"review_by": "30.6.2027"}, 'has the review_by "30.6.2027". It takes a date'),
        ({"review_by": "2027-02-29"}, 'has the review_by "2027-02-29"'),
        ({"review_by": 2027}, "has the review_by 2027"),
        ({"examples": {"given": {}}}, "It takes a list of {given: {column: value}"),
        ({"examples": [{"given": {}}]}, "has an example (number 1)"),
        ({"examples": [{"given": {}, "member": "yes"}]}, "member: true or false"),
        (
            {"examples": [{"gives": {}, "member": True}]},
            "with the key 'gives'. Accepted: given, given_account, others",
        ),
        ({"priority": 1}, "has the priority_group null. It takes a name"),
        ({"priority_group": "tiers"}, "group 'tiers' with the priority null. It takes a whole"),
        ({"priority_group": "tiers", "priority": 0}, "with the priority 0"),
    ],
)
def test_a_mistake_is_named_with_the_file_and_what_is_accepted(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as refused:
        checked(**given)
    assert str(refused.value).startswith(f"segment__loyal ({given.get('path', PATH)}) ")
    assert words in str(refused.value)


def test_an_overdue_review_warns_once_and_then_stops() -> None:
    said = Exceptions()

    def check(as_of: str, *, is_told: bool = False, grace_days: int = 30) -> None:
        context = {
            "execute": True,
            "exceptions": said,
            "as_of_text": lambda: as_of,
            "var": lambda name, default: grace_days,
        }
        macro("check_review_date", **context)(
            {"id": "a", "path": "a.sql", "review_by": "2026-06-01"}, is_told=is_told
        )

    check("2026-06-01 23:00:00", is_told=True)
    assert said.warnings == []
    check("2026-07-01 00:00:00")
    check("2026-07-01 00:00:00", is_told=True)
    [warning] = said.warnings
    assert warning.startswith("segment__a (a.sql) was to be reviewed by 2026-06-01, 30 days before")
    with pytest.raises(Refused, match="31 days before the instant, and 30 are accepted"):
        check("2026-07-02 00:00:00")
    check("2026-07-02 00:00:00", grace_days=60)


def definition(name: str, group: str | None, priority: int | None, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"id": name, "path": f"{name}.sql", "entity": "customer"}
    return given | {"priority_group": group, "priority": priority, "refers_to": []} | more


def test_segments_of_a_group_have_ranks_of_their_own_and_one_entity() -> None:
    check = macro("check_priority_groups")
    gold, silver = definition("gold", "tier", 1), definition("silver", "tier", 2)
    check({"gold": gold, "silver": silver, "other": definition("other", "rank", 1)})
    with pytest.raises(Refused, match=r"silver.*has the priority 1, which segment__gold"):
        check({"gold": gold, "silver": silver | {"priority": 1}})
    with pytest.raises(Refused, match=r"is of accounts, but segment__gold .* is of customers"):
        check({"gold": gold, "silver": silver | {"entity": "account"}})


def test_a_segment_comes_after_those_it_depends_on_and_a_circle_is_named() -> None:
    order = macro("evaluation_order", higher_ranked=macro("higher_ranked"))
    definitions = {
        "a": definition("a", None, None, refers_to=["silver"]),
        "gold": definition("gold", "tier", 1),
        "silver": definition("silver", "tier", 2),
    }
    assert order(definitions) == ["gold", "silver", "a"]
    # gold, the higher rank, may not look at silver: silver waits for gold.
    definitions["gold"]["refers_to"] = ["silver"]
    with pytest.raises(Refused, match="depends on itself: silver needs gold needs silver"):
        order(definitions)
