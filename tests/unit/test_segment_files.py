"""Mistakes in a segment's file are named with file and line before dbt starts."""

import shutil
from pathlib import Path

import pytest

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR
from orchestration.segment_files import HELPERS, SIGNATURE, check_segment_files, events_named

GOOD = """{% macro segment__loyal() %}
    {{- return(segment(
        label='Loyal', description='Loyal', type='loyalty', owner='a@b.example',
        conditions={'has bought': 'c.purchase_count > 0'},
    )) -}}
{% endmacro %}
"""


def checked(folder: Path, text: str) -> None:
    for name in (SIGNATURE, Path("macros/segments/loyalty/loyal.sql")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT_DIR / SIGNATURE, folder / SIGNATURE)
    shutil.copytree(PROJECT_DIR / HELPERS, folder / HELPERS)
    (folder / "macros/segments/loyalty/loyal.sql").write_text(text)
    check_segment_files(folder)


def test_the_shipped_segments_and_a_good_one_pass(tmp_path: Path) -> None:
    check_segment_files()
    checked(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("owner='a@b.example',", "", "line 2: segment() lacks the argument 'owner'"),
        ("owner=", "ownr=", "line 3: segment() has no argument 'ownr'. It takes label, "),
        (
            "'c.purchase_count > 0'",
            "within_lst('c.last_purchase_at', 30)",
            "line 4: there is no helper 'within_lst'. Nearest: within_last. Helpers: ",
        ),
        (
            "'c.purchase_count > 0'",
            "performed_in_order(['a', 'b'], within_days=7)",
            "line 4: performed_in_order() takes events, within, and no 'within_days'",
        ),
        (
            "'c.purchase_count > 0'",
            "performed_in_order('a', 'b', within=7)",
            "'within' is given twice, by its name and as value 2. A list is in [ ]",
        ),
        ("'c.purchase_count > 0'", "within_last('c.x')", "takes column, days: 'days' is missing"),
        ("segment__loyal", "segment__loyl", "must define the macro segment__loyal"),
        ("segment__loyal", "loyal", "it defines loyal"),
        ("label='Loyal'", "label='Loyal", "line 3: "),
        ("{% endmacro %}", "", "endmacro"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(
    tmp_path: Path, right: str, wrong: str, words: str
) -> None:
    assert right in GOOD
    with pytest.raises(UsageError) as refused:
        checked(tmp_path, GOOD.replace(right, wrong))
    assert str(refused.value).startswith("macros/segments/loyalty/loyal.sql, line ")
    assert words in str(refused.value)


def test_the_events_that_a_rule_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "loyal.sql"
    rule = "performed_in_order(['a', ['b', 'c']], within=7) ~ not_performed(event='d')"
    path.write_text(GOOD.replace("'c.purchase_count > 0'", rule))
    assert events_named(path) == ["a", "b", "c", "d"]
    path.write_text(GOOD)
    assert events_named(path) == []
