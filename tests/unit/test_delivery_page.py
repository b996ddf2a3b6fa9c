"""docs/delivery.md names tests that there are, and every destination has its page."""

import re
from pathlib import Path

from project import PROJECT_DIR

from orchestration.destinations.registry import DESTINATIONS

PAGES = PROJECT_DIR / "docs"


def test_the_page_of_promises_names_tests_that_there_are() -> None:
    files = {path.stem: path for path in Path(__file__).parent.glob("test_*.py")}
    named = re.findall(r"`(test_\w+)?(?:::(test_\w+))?`", (PAGES / "delivery.md").read_text())
    file = ""
    checked = 0
    for name, function in named:
        file = name or file
        if not file:
            continue
        assert file in files, f"docs/delivery.md names {file}"
        if function:
            assert f"def {function}(" in files[file].read_text(), f"{file}::{function}"
            checked += 1
    assert checked > 15


def test_every_destination_has_a_page_with_the_permissions_it_needs() -> None:
    for name in DESTINATIONS:
        page = (PAGES / "destinations" / f"{name}.md").read_text()
        assert "\n## Permissions" in page, name
        assert f"destination: {name}\n" in page, name
