"""What people mistype, and what they see: one message, an exit code, and nothing published."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from project import ONLY_BILLING, Project, edited_sources

AS_OF = "2026-01-10T00:00:00Z"

SHOP = [
    "create schema raw_generic",
    """create table raw_generic.customers as
    select 'c' || i as billing_customer_id from range(10) as ids (i)""",
    """create table raw_generic.invoices as
    select 'i' || i as invoice_id, 'c' || i as billing_customer_id, 10.0 as amount,
        timestamp '2026-01-01 00:00:00' as issued_at
    from range(3) as ids (i)""",
]

SEGMENT = """
{{% macro segment__{name}() %}}
    {{{{ return(segment(
        label='Test', description='Test', type='value', owner='a@b.example',
        conditions={{'a condition': '{rule}'}},
    )) }}}}
{{% endmacro %}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project with ten customers, three of whom bought."""
    project = Project(tmp_path)
    project.execute(SHOP)
    return project


@dataclass
class Published(Project):
    """The same, refreshed once in vain, and what was said, and once well."""

    in_vain: str = ""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    project = Published(tmp_path_factory.mktemp("published"))
    project.execute(
        [
            *SHOP,
            "alter table raw_generic.customers rename to clients",
            "alter table raw_generic.invoices rename column amount to total",
        ]
    )
    project.in_vain = refused(project, "refresh", "--as-of", AS_OF, "--sources", ONLY_BILLING)
    assert (
        project.value(
            "select count(*) from information_schema.tables where table_name = 'segment_membership'"
        )
        == 0
    )
    project.execute(
        [
            "alter table raw_generic.clients rename to customers",
            "alter table raw_generic.invoices rename column total to amount",
        ]
    )
    done = project.strata("refresh", "--as-of", AS_OF, "--sources", ONLY_BILLING)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def refused(project: Project, *arguments: str) -> str:
    """What a command that must fail says. It must not show a traceback."""
    done = project.strata(*arguments)
    assert done.returncode not in (0, 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--as-of", AS_OF, "--sources", "billing=strip"],
            ["'billing'", "'strip'", "stripe, generic, none"],
        ),
        (
            ["--as-of", AS_OF, "--sources", "shop=generic"],
            ["'shop'", "crm, billing, events, support, survey"],
        ),
        (["--sources", "billing"], ["'billing'", "domain=system"]),
        (["--sources", "billing=generic"], ["--as-of", "2026-07-01T00:00:00Z", "demo"]),
        (["--as-of", "yesterday"], ["'yesterday'", "2026-07-01T00:00:00Z"]),
        (["--as-of", "2026-02-30"], ["'2026-02-30'", "day is out of range"]),
        (["--target", "bigquery"], ["bigquery", "duckdb", "postgres"]),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_accepted(
    shop: Project, arguments: list[str], words: list[str]
) -> None:
    message = refused(shop, "refresh", *arguments)
    assert [word for word in words if word not in message] == [], message


def test_a_missing_table_is_named_and_the_next_run_works(published: Published) -> None:
    assert "raw_generic.customers does not exist" in published.in_vain
    assert published.value("select count(*) from segments.segment_membership") > 0


def test_a_missing_required_column_is_named_with_those_found(published: Published) -> None:
    message = published.in_vain
    assert "raw_generic.invoices has no column amount" in message
    assert "total" in message


def test_a_missing_optional_table_is_read_as_empty_and_said_so(shop: Project) -> None:
    shop.execute("alter table raw_generic.invoices rename to bills")
    done = shop.strata("refresh", "--as-of", AS_OF, "--sources", ONLY_BILLING)
    assert done.returncode == 0
    (said,) = (line for line in done.stderr.splitlines() if "read as empty" in line)
    assert "raw_generic.invoices" in said


def test_an_instant_before_the_last_published_one_is_refused(published: Published) -> None:
    before = published.rows("select * from segments.segment_membership_history order by stay_id")
    message = refused(
        published, "refresh", "--as-of", "2026-01-09T00:00:00Z", "--sources", ONLY_BILLING
    )
    assert "2026-01-09" in message
    assert "already published as of 2026-01-10" in message
    after = published.rows("select * from segments.segment_membership_history order by stay_id")
    assert before == after


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {
                "macros/segments/journey/champions.sql": SEGMENT.format(
                    name="champions", rule="true"
                )
            },
            ["segment__champions", "journey/champions.sql", "value/champions.sql"],
        ),
        (
            {"macros/segments/value/typo.sql": SEGMENT.format(name="typo", rule="c.mmr > 0")},
            ["segment__typo", "c.mmr", "customer_360", "mrr"],
        ),
        (
            {
                "macros/segments/value/typo.sql": SEGMENT.format(
                    name="typo", rule="c.mrr > 0"
                ).replace("type='value'", "type='worth'")
            },
            ["segment__typo", "'worth'", "firmographic", "value"],
        ),
        (
            {
                "macros/segments/value/typo.sql": SEGMENT.format(
                    name="typo", rule="c.mrr > 0"
                ).replace("'c.mrr > 0'", "performed('signed_up', within=-7)")
            },
            ["segment__typo (macros/segments/value/typo.sql): performed()", "-7", "whole number"],
        ),
        (
            {
                "macros/segments/value/typo.sql": SEGMENT.format(
                    name="typo", rule="c.mrr > 0"
                ).replace("'c.mrr > 0'", "in_segment('champion')")
            },
            ["segment__typo (macros/segments/value/typo.sql)", "'champion'", "nearest: champions"],
        ),
    ],
    ids=[
        "two segments with one id",
        "unknown column",
        "unknown type",
        "wrong argument",
        "no segment",
    ],
)
def test_a_wrong_definition_stops_the_run_and_names_the_file(
    tmp_path: Path, published: Published, files: dict[str, str], words: list[str]
) -> None:
    project = published.copy(tmp_path / "run")
    project.sources = edited_sources(tmp_path / "sources", files)
    before = project.rows("select * from segments.segment_membership_history order by stay_id")
    message = refused(
        project, "refresh", "--as-of", "2026-01-11T00:00:00Z", "--sources", ONLY_BILLING
    )
    assert [word for word in words if word not in message] == [], message
    after = project.rows("select * from segments.segment_membership_history order by stay_id")
    assert before == after
    built = "select count(*) from operations.run_nodes where as_of = timestamp '2026-01-11'"
    assert project.value(built) == 0, "it is said before anything is built"


@pytest.fixture
def held_file(shop: Project) -> Iterator[int]:
    """The project's DuckDB file, open in another process; that process's id."""
    holding = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(shop.duckdb)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_a_file_held_by_another_process_is_named_with_the_process(
    shop: Project, held_file: int
) -> None:
    done = shop.strata("refresh", "--as-of", AS_OF, "--sources", ONLY_BILLING)
    assert done.returncode == 3
    assert str(shop.duckdb) in done.stderr
    assert str(held_file) in done.stderr
    assert "STRATA_DUCKDB_PATH" in done.stderr


def test_commands_before_the_first_refresh_say_what_to_run(shop: Project) -> None:
    for command in (["segments"], ["sync"]):
        done = shop.strata(*command)
        assert done.returncode == 1
        assert "strata refresh" in done.stderr


def test_the_demo_never_overwrites_tables_it_did_not_make(shop: Project) -> None:
    done = shop.dbt("seed", "--select", "path:seeds/demo")
    assert done.returncode != 0
    assert "raw_generic already holds tables that the demo did not make (customers, invoices)" in (
        done.stdout
    )
    assert shop.value("select count(*) from raw_generic.invoices") == 3
