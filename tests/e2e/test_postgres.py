"""The same project on PostgreSQL gives the same answer as on DuckDB."""

import pytest
from project import Project

pytestmark = pytest.mark.postgres


def test_both_engines_resolve_and_describe_the_same_customers(
    demo: Project, demo_on_postgres: Project
) -> None:
    columns = [
        name
        for (name,) in demo.rows(
            "select column_name from information_schema.columns "
            "where table_schema = 'customer_360' and table_name = 'customer_360'"
        )
    ]
    query = f"select {', '.join(columns)} from customer_360.customer_360 order by customer_id"
    ours, theirs = demo.rows(query), demo_on_postgres.rows(query)
    assert len(ours) > 1500
    differing = {
        column
        for row, other in zip(ours, theirs, strict=True)
        for column, value, other_value in zip(columns, row, other, strict=True)
        if value != other_value
    }
    assert differing == set()


@pytest.mark.parametrize(
    "query",
    [
        "select * from customer_360.account_360 order by account_id",
        "select segment_id, entity, entity_id, entered_at from segments.segment_membership "
        "order by 1, 3",
        "select segment_id, entity_id, valid_from, valid_to, entry_reason, exit_reason, "
        "definition_version from segments.segment_membership_history order by 1, 2, 3",
        "select segment_id, as_of, verdict, reasons, member_count from segments.segment_verdicts "
        "order by 1, 2",
        "select suite, expectation_type, column_name, is_success "
        "from operations.expectation_results group by 1, 2, 3, 4 order by 1, 2, 3",
        "select entity_key, email, first_name, last_name, plan, lifetime_revenue "
        "from activation.audience_champions order by 1",
        "select sync_name, entity_key, operation, state from activation.sync_ledger order by 1, 2",
    ],
)
def test_both_engines_publish_and_deliver_the_same(
    demo: Project, demo_on_postgres: Project, query: str
) -> None:
    rows = demo.rows(query)
    assert rows
    assert rows == demo_on_postgres.rows(query)


def test_rule_helpers_and_shims_hold_on_postgres(demo_on_postgres: Project) -> None:
    done = demo_on_postgres.dbt("test", "--target", "postgres", "--select", "path:tests/macros")
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_segment_tools_say_the_same_on_both_engines(
    demo: Project, demo_on_postgres: Project
) -> None:
    customer = demo.value(
        "select min(entity_id) from segments.segment_membership_history "
        "where segment_id = 'champions' and valid_to > valid_from"
    )
    for question in (["preview", "champions"], ["explain", "champions", customer]):
        here = demo.strata(*question)
        assert here.returncode == 0, here.stderr
        there = demo_on_postgres.strata(*question, "--target", "postgres")
        assert there.stdout == here.stdout, there.stderr


def test_a_run_that_was_not_audited_publishes_nothing_on_a_production_target(
    demo_on_postgres: Project,
) -> None:
    done = demo_on_postgres.dbt(
        "build", "--target", "postgres", "--select", "segment_verdicts",
        "--vars", "{as_of: 2026-07-02T00:00:00Z}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    verdicts = demo_on_postgres.rows(
        "select distinct verdict, reasons like '%the run was not audited%' "
        "from segments.segment_verdicts where as_of = timestamp '2026-07-02 00:00:00'"
    )
    assert verdicts == [("hold", True)]


def test_an_unreachable_server_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = {"STRATA_POSTGRES_HOST": "127.0.0.1", "STRATA_POSTGRES_PORT": "9"}
    project = Project(tmp_path_factory.mktemp("nowhere"), "postgres", nowhere)
    done = project.strata("segments", "--target", "postgres")
    assert done.returncode == 3
    assert "PostgreSQL at 127.0.0.1:9" in done.stderr
