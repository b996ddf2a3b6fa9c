"""docs/adding-a-source.md: a system added as the page says is read like those that are built in."""

import re
from pathlib import Path

import pytest
from project import PROJECT_DIR, Project, edited_sources

pytestmark = pytest.mark.slow

PAGE = (PROJECT_DIR / "docs" / "adding-a-source.md").read_text()
ADAPTERS = "macros/staging/staging_adapters.sql"


def files_of_the_page() -> dict[str, str]:
    """The files that the page shows, each after a line with its name."""
    return dict(re.findall(r"^`(models/[^`]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S))


def test_the_page_adds_a_help_desk(tmp_path: Path) -> None:
    files = files_of_the_page()
    assert len(files) == 3
    (line,) = re.findall(r"^```jinja\n(.*?)\n```", PAGE, re.M | re.S)
    adapters = (PROJECT_DIR / ADAPTERS).read_text()
    named = adapters.replace("'support': {", "'support': {" + line + " ")
    assert named != adapters
    sources = edited_sources(tmp_path / "sources", files | {ADAPTERS: named})
    project = Project(tmp_path, sources=sources)
    project.execute(
        [
            "create schema raw_freshdesk",
            "create table raw_freshdesk.contact as select 7 as id, 'ada@example.com' as email",
            "create table raw_freshdesk.ticket as "
            "select 1 as id, 7 as requester_id, 4 as status, 3 as priority, false as deleted, "
            "timestamptz '2026-01-01 10:00:00+02' as created_at, '2026-01-02' as resolved_at "
            "union all select 2, 7, 2, 1, true, '2026-01-01', null "
            "union all select 3, 8, 5, 1, false, '2026-09-01', null",
        ]
    )
    done = project.dbt(
        "build",
        "--select",
        "staging",
        "exchange_rates",
        "--vars",
        "{demo_data: false, as_of: '2026-07-01', strata_sources: {support: freshdesk}}",
    )
    assert done.returncode == 0, done.stdout
    rows = project.rows(
        "select ticket_id, email, priority, status, cast(created_at as varchar), channel, "
        "source_system from staging.stg_support__tickets"
    )
    assert rows == [
        ("1", "ada@example.com", "high", "solved", "2026-01-01 08:00:00", None, "freshdesk")
    ]
