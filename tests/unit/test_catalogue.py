"""docs/catalogue.md says what the segment files say."""

import shutil
from pathlib import Path

import pytest

from orchestration.catalogue import COMMAND, PAGE, TYPES, read_entries, render
from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR
from orchestration.segment_files import HELPERS, SIGNATURE

FILE = """{% macro segment__loyal() %}
    {{- return(segment(
        label='Loyal | true', description='Bought ' ~ 'twice.', type='loyalty', owner='a@b.example',
        entity='account', requires=['billing'],
        conditions={'has bought': 'a.mrr > 0', 'was here lately': within_last('a.last_seen_at', 7)},
        purpose='Thanks', priority_group='loyalty', priority=2,
    )) -}}
{% endmacro %}
"""


def project_with(folder: Path, text: str) -> Path:
    for name in (SIGNATURE, HELPERS / "within_last.sql"):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(PROJECT_DIR / name, folder / name)
    path = folder / "macros/segments/loyalty/loyal.sql"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(read_entries()), f"write docs/catalogue.md again: {COMMAND}"


def test_what_is_shipped_covers_every_type_and_says_what_it_is_for() -> None:
    entries = read_entries()
    assert len(entries) >= 45
    assert {entry.type for entry in entries} == set(TYPES)
    assert [entry.segment_id for entry in entries if not entry.purpose] == []
    labels = [entry.label for entry in entries]
    assert sorted(labels) == sorted(set(labels))


def test_a_segment_is_shown_as_its_file_says(tmp_path: Path) -> None:
    page = render(read_entries(project_with(tmp_path, FILE)))
    assert (
        "| **Loyal \\| true** *accounts*<br>`loyal`<br>*group loyalty, 2* "
        "| Bought twice.<br>- has bought<br>- was here lately | billing | Thanks |\n"
    ) in page


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("'Thanks'", "var('purpose')", "line 6: purpose is computed"),
        ("{'has bought'", "{var('name')", "line 5: the name of a condition is computed"),
        ("return(segment(", "return(dict(", "does not call segment()"),
    ],
)
def test_text_that_is_computed_is_named(tmp_path: Path, right: str, wrong: str, words: str) -> None:
    assert right in FILE
    with pytest.raises(UsageError) as refused:
        read_entries(project_with(tmp_path, FILE.replace(right, wrong)))
    assert str(refused.value).startswith("macros/segments/loyalty/loyal.sql")
    assert words in str(refused.value)
