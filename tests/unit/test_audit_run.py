"""The audit against small warehouses: what passes, what fails, what is kept of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from expectations.audit import AuditReport, audit
from expectations.docs_index import docs_page, write_verdicts
from expectations.suites import CUSTOMERS, Check, DriftBounds, IdentityBounds, Suite, not_null
from orchestration.errors import StrataError

AS_OF = datetime(2026, 7, 1)

WAREHOUSE = (
    "create schema customer_360",
    "create schema segments",
    "create schema operations",
    "create schema identity",
    """
    create table customer_360.customer_360 as
    select
      id as customer_id, stage as lifecycle_stage,
      cast(10 as numeric(12, 2)) as mrr, cast(120 as numeric(12, 2)) as arr,
      2 as purchase_count, 4 as rfm_recency_days, 2 as rfm_frequency,
      cast(30 as numeric(12, 2)) as rfm_monetary,
      5 as recency_score, 1 as frequency_score, cast(null as integer) as monetary_score,
      timestamp '2025-01-01 00:00:00' as first_purchase_at,
      timestamp '2026-07-01 00:00:00' as last_purchase_at,
      timestamp '2024-12-01 00:00:00' as first_seen_at,
      timestamp '2026-06-30 12:00:00' as last_seen_at,
      2 as active_days_last_7, 9 as active_days_last_28, 12 as session_count,
      score as nps_score, class as nps_class, cast(null as integer) as csat_last,
      0 as open_ticket_count, 44 as age_years, cast(0.5 as numeric(5, 4)) as onboarding_progress,
      cast(null as numeric(5, 4)) as top_feature_share_last_28,
      cast(7.5 as numeric(5, 2)) as health_score, cast(0 as numeric(5, 2)) as engagement_score,
      cast(10 as numeric(5, 2)) as onboarding_score, cast(5 as numeric(5, 2)) as fit_score,
      cast(1 as numeric(5, 2)) as churn_risk_score, cast(null as numeric(5, 2)) as expansion_score,
      false as is_product_qualified_lead
    from (values
      ('c1', 'customer', 9, 'promoter'), ('c2', 'lead', 6, 'detractor'),
      ('c3', null, null, null)
    ) as people (id, stage, score, class)
    """,
    """
    create table customer_360.account_360 as
    select
      id as account_id, 10 as employee_count, 3 as user_count, 2 as active_users_last_28,
      cast(0 as numeric(12, 2)) as mrr, cast(0 as numeric(12, 2)) as arr,
      0 as open_ticket_count, cast(-20 as numeric(9, 2)) as nps,
      cast(null as numeric(5, 2)) as health_score, cast(10 as numeric(5, 2)) as fit_score,
      cast(0 as numeric(5, 2)) as churn_risk_score, cast(null as numeric(5, 2)) as expansion_score
    from (values ('a1'), ('a2')) as companies (id)
    """,
    """
    create table segments.segment_registry as
    select * from (values
      ('champions', 'Champions', 'Buy <often>', 'customer', true,
        null, '{"they pay": "c.mrr > 0"}', ',customer.mrr,customer.last_seen_at,'),
      ('big_accounts', 'Big accounts', null, 'account', true,
        null, '{}', ',account.employee_count,'),
      ('promoters', 'Promoters', null, 'customer', true, 'nps', '{}', ',customer.nps_class,'),
      ('no_survey', 'Needs surveys', null, 'customer', false, 'nps', '{}', ',customer.nps_class,')
    ) as registry (segment_id, label, description, entity, is_evaluated,
      priority_group, expectations, columns_used)
    """,
    """
    create table segments.segment_candidates as
    select * from (values
      ('champions', 'customer', 'c1'), ('champions', 'customer', 'c2'),
      ('big_accounts', 'account', 'a1')
    ) as candidates (segment_id, entity, entity_id)
    """,
    """
    create table operations.expectation_results (
      run_id text, as_of timestamp, suite text, relation_name text, segment_id text,
      expectation_type text, column_name text, is_success boolean, severity text,
      observed_value text, expected text, unexpected_count bigint, exception_message text,
      duration_seconds numeric(12, 3), executed_at timestamp, affects text,
      observed_number numeric(18, 6)
    )
    """,
    "create table operations.rejected_rows (domain text, entity text)",
    """
    create table identity.identity_parts as
    select * from (values ('email:a', 'email', false, 2), ('email:b', 'email', false, 2))
    as parts (node, identifier_type, is_quarantined, part_size)
    """,
    """
    create table operations.column_profiles (
      run_id text, as_of timestamp, relation_name text, column_name text, bucket text,
      row_count bigint
    )
    """,
)

DAMAGE = (
    "update identity.identity_parts set is_quarantined = true, part_size = 101"
    " where node = 'email:b'",
    "update customer_360.customer_360 set recency_score = 7, lifecycle_stage = '<b>?</b>'"
    " where customer_id = 'c1'",
    "update customer_360.customer_360 set arr = 1, last_seen_at = timestamp '2026-07-02 00:00:00'"
    " where customer_id = 'c2'",
    "insert into customer_360.customer_360 (customer_id) values (null), ('c3')",
    "alter table customer_360.customer_360 drop column open_ticket_count",
    "insert into segments.segment_candidates values"
    " ('champions', 'customer', 'c1'), ('champions', 'customer', '<i>who</i>'),"
    " ('promoters', 'customer', null), ('promoters', 'account', 'a1'),"
    " ('forgotten', 'customer', 'c1'), (null, 'customer', 'c1')",
)


@dataclass(frozen=True)
class Audited:
    """An audited warehouse, and what a test asks of it."""

    engine: sa.Engine
    docs_dir: Path
    report: AuditReport

    def results(self) -> list[dict[str, Any]]:
        """Every row that the audit wrote."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("select * from operations.expectation_results"))
            return [dict(row) for row in rows.mappings()]

    def failed(self) -> set[tuple[str, str | None]]:
        """Suite and columns of every failed expectation."""
        return {(r["suite"], r["column_name"]) for r in self.results() if not r["is_success"]}

    def result(self, suite: str, column: str, kind: str = "") -> dict[str, Any]:
        """The one row of a suite and column, of a type with `kind` in its name."""
        (row,) = [
            r
            for r in self.results()
            if (r["suite"], r["column_name"]) == (suite, column) and kind in r["expectation_type"]
        ]
        return row


def warehouse(url: str, *changes: Sequence[str]) -> sa.Engine:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (*WAREHOUSE, *(s for group in changes for s in group)):
            connection.execute(sa.text(statement))
    return engine


def run(engine: sa.Engine, docs_dir: Path, run_id: str = "run-1") -> Audited:
    report = audit(
        engine,
        run_id=run_id,
        as_of=AS_OF,
        docs_dir=docs_dir,
        drift=DriftBounds(min_rows=2),
        identity=IdentityBounds(),
    )
    return Audited(engine, docs_dir, report)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("good")
    engine = warehouse(f"duckdb:///{folder}/good.duckdb")
    yield run(engine, folder / "docs")
    engine.dispose()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("damaged")
    engine = warehouse(f"duckdb:///{folder}/damaged.duckdb", DAMAGE)
    yield run(engine, folder / "docs")
    engine.dispose()


FAILURES_OF_DAMAGE = {
    ("identity", "part_size"),
    ("identity", "is_quarantined"),
    ("customer_360", "customer_id"),
    ("customer_360", "recency_score"),
    ("customer_360", "lifecycle_stage"),
    ("customer_360", "arr,mrr"),
    ("customer_360", "last_seen_at"),
    ("customer_360", "open_ticket_count"),
    ("segment_candidates", "segment_id"),
    ("segment__champions", "entity_id"),
    ("segment__promoters", "entity_id"),
    ("segment__promoters", "entity"),
}


def test_sound_data_passes_every_expectation(good: Audited) -> None:
    assert good.report.failed == ()
    assert good.report.success_count == good.report.expectation_count == len(good.results())
    assert all(row["is_success"] for row in good.results())


def test_every_evaluated_segment_is_audited_even_an_empty_one(good: Audited) -> None:
    audited = {row["segment_id"] for row in good.results()}
    assert audited == {None, "champions", "big_accounts", "promoters"}


def test_results_say_what_was_expected_and_found_in_words(good: Audited) -> None:
    row = good.result("segment__champions", "entity_id", "exist")
    assert row["relation_name"] == "segments.segment_candidates"
    assert (row["expected"], row["observed_value"]) == (
        "every member is in customer_360",
        "0 of 2 members unknown",
    )
    assert (row["run_id"], row["as_of"], row["severity"]) == ("run-1", AS_OF, "critical")
    assert (row["unexpected_count"], row["exception_message"]) == (0, None)


def test_there_is_a_page_for_each_suite_at_a_stable_address(good: Audited) -> None:
    for suite in {row["suite"] for row in good.results()}:
        assert docs_page(good.docs_dir, suite).is_file()
    index = good.report.docs_index.read_text()
    assert good.report.docs_index == good.docs_dir / "index.html"
    assert 'href="suites/segment__champions.html"' in index


def test_pages_say_what_became_of_a_segment(tmp_path: Path) -> None:
    audited = run(warehouse(f"duckdb:///{tmp_path}/x.duckdb"), tmp_path / "docs")
    for _ in range(2):  # a publication that is run again says it again
        write_verdicts(
            audited.docs_dir,
            "run-1",
            {"champions": ("publish", ""), "promoters": ("hold", "nobody <answered>")},
        )
    page = docs_page(audited.docs_dir, "segment__promoters").read_text()
    assert page.count(">held<") == 1
    assert "nobody &lt;answered&gt;" in page
    assert ">published<" in docs_page(audited.docs_dir, "segment__champions").read_text()
    index = audited.report.docs_index.read_text()
    assert ">1 held<" in index
    assert index.index("nobody &lt;answered&gt;") < index.index("<h2>Segments</h2>")
    before = page
    write_verdicts(audited.docs_dir, "another run", {"promoters": ("publish", "")})
    assert docs_page(audited.docs_dir, "segment__promoters").read_text() == before


def test_pages_load_nothing_from_the_network(damaged: Audited) -> None:
    for page in damaged.docs_dir.rglob("*.html"):
        assert not re.findall(r"(?:src|href)=\"?(?:https?:)?//", page.read_text())


def test_pages_escape_what_the_data_says(damaged: Audited) -> None:
    pages = [page.read_text() for page in damaged.docs_dir.rglob("*.html")]
    assert any("&lt;i&gt;who" in page for page in pages)
    assert any("&lt;b&gt;?" in page for page in pages)
    assert not any("<i>who" in page or "<b>?" in page or "<often>" in page for page in pages)


def test_exactly_the_damaged_things_fail(damaged: Audited) -> None:
    assert damaged.failed() == FAILURES_OF_DAMAGE


def test_a_missing_and_a_repeated_key_are_two_failures(damaged: Audited) -> None:
    missing = damaged.result("customer_360", "customer_id", "not_be_null")
    repeated = damaged.result("customer_360", "customer_id", "unique")
    assert (missing["is_success"], missing["unexpected_count"]) == (False, 1)
    assert (repeated["is_success"], repeated["unexpected_count"]) == (False, 2)


def test_a_value_out_of_range_is_shown(damaged: Audited) -> None:
    row = damaged.result("customer_360", "recency_score")
    assert row["observed_value"] == "1 of 5 unexpected, for example 7"
    assert row["expected"] == "from 1 to 5, or empty"
    assert row["observed_number"] == 1


def test_members_are_judged_one_segment_at_a_time(damaged: Audited) -> None:
    twice = damaged.result("segment__champions", "entity_id", "unique")
    unknown = damaged.result("segment__champions", "entity_id", "exist")
    assert twice["observed_value"] == "1 of 4 members there more than once, for example c1"
    assert unknown["observed_value"] == "1 of 4 members unknown, for example <i>who</i>"
    assert twice["segment_id"] == unknown["segment_id"] == "champions"
    keys = damaged.result("segment__promoters", "entity_id", "keys")
    assert keys["observed_value"] == "1 of 2 members without a key"


def test_an_expectation_that_raises_has_failed_and_says_why(damaged: Audited) -> None:
    row = damaged.result("customer_360", "open_ticket_count")
    assert row["is_success"] is False
    assert "open_ticket_count" in row["exception_message"]
    assert row["unexpected_count"] is None


def test_the_report_names_segment_column_and_finding(damaged: Audited) -> None:
    messages = {f.message for f in damaged.report.failed if f.segment_id == "promoters"}
    assert (
        "entity: expected every member is of entity customer; "
        "found 1 of 2 members of another entity, for example account"
    ) in messages
    assert damaged.report.expectation_count - damaged.report.success_count == 15


@pytest.mark.parametrize(
    "check",
    [
        Check("expect_column_values_to_be_between", {"column": "mrr", "min_value": []}, (), "?"),
        Check("expect_column_values_to_be_between", {"column": "mrr", "min_value": "x"}, (), "?"),
        Check("expect_what_nobody_wrote", {}, (), "?"),
        Check("expect_rows_to_meet_condition", {"condition": "mrr >", "columns": []}, (), "?"),
    ],
)
def test_a_check_that_makes_no_sense_fails_alone(good: Audited, check: Check) -> None:
    from expectations.validation import validate  # here, because it imports the library

    suite = Suite("broken", CUSTOMERS, (check, not_null("customer_id")), "Broken")
    with good.engine.connect() as connection:
        ((broken, fine),) = validate(connection, [suite])
    assert not broken[0].is_success
    assert broken[0].exception_message
    assert fine[0].is_success


def test_a_missing_relation_fails_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    drop = ["drop table customer_360.customer_360"]
    engine = warehouse(f"duckdb:///{tmp_path}/x.duckdb", drop)
    audited = run(engine, tmp_path / "docs")
    failed = {r["suite"] for r in audited.results() if r["exception_message"]}
    # No member can be looked up either, whatever its entity.
    assert failed == {"customer_360"} | {
        f"segment__{s}" for s in ("champions", "big_accounts", "promoters")
    }
    row = audited.result("customer_360", "customer_id", "not_be_null")
    assert row["exception_message"] == "customer_360.customer_360 does not exist"


def test_running_a_run_again_replaces_its_results_and_keeps_others(tmp_path: Path) -> None:
    engine = warehouse(f"duckdb:///{tmp_path}/x.duckdb")
    for run_id in ("run-1", "run-2", "run-2"):
        audited = run(engine, tmp_path / "docs", run_id)
    ids = [row["run_id"] for row in audited.results()]
    assert ids.count("run-1") == ids.count("run-2") == audited.report.expectation_count


def test_pages_of_a_segment_that_is_gone_are_removed(tmp_path: Path) -> None:
    engine = warehouse(f"duckdb:///{tmp_path}/x.duckdb")
    audited = run(engine, tmp_path / "docs")
    with engine.begin() as connection:
        connection.execute(sa.text("delete from segments.segment_registry where entity='account'"))
    run(engine, tmp_path / "docs")
    assert not docs_page(audited.docs_dir, "segment__big_accounts").exists()
    assert docs_page(audited.docs_dir, "segment__champions").exists()


def test_afterwards_the_file_opens_with_other_settings(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    run(warehouse(url), tmp_path / "docs")
    # DuckDB refuses this while a connection with the first settings is open.
    other = sa.create_engine(url, connect_args={"read_only": True})
    with other.connect() as connection:
        assert connection.execute(sa.text("select 1")).scalar_one() == 1
    other.dispose()


def test_statements_do_not_grow_with_the_number_of_segments(tmp_path: Path) -> None:
    more = [
        "insert into segments.segment_registry"
        " select 's' || i, 'S', null, 'customer', true, null, '{}', ','"
        " from generate_series(1, 20) as t (i)"
    ]
    counts = []
    for name, changes in (("few", []), ("many", more)):
        engine = warehouse(f"duckdb:///{tmp_path}/{name}.duckdb", changes)
        statements: list[str] = []
        sa.event.listen(
            engine, "before_cursor_execute", lambda *args, into=statements: into.append(args[2])
        )
        run(engine, tmp_path / name)
        counts.append(len([s for s in statements if not s.startswith("INSERT")]))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("table", ["operations.expectation_results", "segments.segment_registry"])
def test_an_audit_before_dbt_has_built_anything_stops(table: str, tmp_path: Path) -> None:
    engine = warehouse(f"duckdb:///{tmp_path}/x.duckdb", [f"drop table {table}"])
    with pytest.raises(StrataError, match=f"{table} does not exist"):
        run(engine, tmp_path / "docs")


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[sa.Engine]:
    """An engine on a database of its own, so that the schemas are free to create."""
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text("drop database if exists strata_audit_test"))
        connection.execute(sa.text("create database strata_audit_test"))
    url = sa.make_url(postgres_url).set(database="strata_audit_test")
    engine = warehouse(url.render_as_string(hide_password=False), DAMAGE)
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(sa.text("drop database strata_audit_test"))
    server.dispose()


def test_postgres_finds_the_same(postgres_engine: sa.Engine, tmp_path: Path) -> None:
    audited = run(postgres_engine, tmp_path / "docs")
    assert audited.failed() == FAILURES_OF_DAMAGE
    row = audited.result("segment__champions", "entity_id", "unique")
    assert row["observed_value"] == "1 of 4 members there more than once, for example c1"
