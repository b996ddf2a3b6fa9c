"""The tests of the macros (tests/macros) hold on every engine, at midnight and between."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from project import PROJECT_DIR, Project

TESTS = len(list((PROJECT_DIR / "tests" / "macros").glob("*.sql")))
SETTINGS = [
    pytest.param("{as_of: '2026-07-01T00:00:00Z'}", id="midnight"),
    pytest.param(
        "{as_of: '2026-02-28T22:30:15-05:00', source_time_zone: Europe/Berlin}", id="by day"
    ),
]

pytestmark = pytest.mark.slow


def passed(project: Project, settings: str) -> int:
    """The number of macro tests that passed; all that ran must have."""
    done = project.dbt(
        "--no-use-colors", "build", "--select", "path:tests/macros", "+int_phone_rules",
        "--vars", settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return len(re.findall(r"\d+ of \d+ PASS \w+_test ", done.stdout))


@pytest.mark.parametrize("settings", SETTINGS)
def test_macros_on_duckdb(tmp_path: Path, settings: str) -> None:
    assert passed(Project(tmp_path), settings) == TESTS


@pytest.mark.postgres
@pytest.mark.parametrize("settings", SETTINGS)
def test_macros_on_postgres(
    tmp_path: Path, postgres_cluster: Mapping[str, str], settings: str
) -> None:
    assert passed(Project(tmp_path, "postgres", postgres_cluster), settings) == TESTS
