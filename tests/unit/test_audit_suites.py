"""Suites are plain data, derived from the registry and the instant of the run."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from expectations.suites import (
    Check,
    DriftBounds,
    IdentityBounds,
    Segment,
    Suite,
    not_after,
    warehouse_suites,
)
from orchestration.errors import StrataError

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def suite_named(name: str, *segments: Segment) -> Suite:
    (suite,) = [s for s in warehouse_suites(AS_OF, segments, IdentityBounds()) if s.name == name]
    return suite


def test_a_registered_segment_gets_a_suite_without_anything_else_written() -> None:
    suite = suite_named("segment__champions", Segment("champions", "customer", "Champions"))
    assert suite.segment_id == "champions"
    assert [check.expected for check in suite.checks] == [
        "every member has a key",
        "nobody is a member twice",
        "every member is in customer_360",
        "every member is of entity customer",
        "nobody is in it twice at one time",
        "its open stays are the members that the last run published",
    ]


def test_a_segment_of_a_group_and_what_its_owner_expects_are_audited() -> None:
    segment = Segment("a", "customer", "A", "", "tier", {"they pay": "c.mrr > 0"})
    expected = [check.expected for check in suite_named("segment__a", segment).checks]
    assert "nobody is in another segment of the group tier" in expected
    assert "they pay: c.mrr > 0" in expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_psi": "high"}, "drift.max_psi in dbt_project.yml is 'high'. It takes a number"),
        ({"max_psi": -1}, "drift.max_psi in dbt_project.yml is -1. It takes a number from 0"),
        ({"min_row_share": 80}, "drift.min_row_share in dbt_project.yml is 80. It takes a share"),
        ({"psi": 0.25}, "It takes max_psi, max_empty_change, min_row_share"),
        (0.25, "The variable drift in dbt_project.yml is 0.25"),
    ],
)
def test_a_bound_of_drift_that_is_none_is_named(settings: object, words: str) -> None:
    with pytest.raises(StrataError, match=re.escape(words)):
        DriftBounds.from_settings(settings)


def test_candidates_of_an_unregistered_segment_are_unexpected() -> None:
    suite = suite_named("segment_candidates", Segment("b", "account", "B"), Segment("a", "x", "A"))
    (in_set,) = [c for c in suite.checks if c.type == "expect_column_values_to_be_in_set"]
    assert in_set.kwargs["value_set"] == ["a", "b"]


def test_without_segments_only_null_ids_are_checked() -> None:
    assert len(suite_named("segment_candidates").checks) == 1


def test_only_keys_must_be_there_because_a_domain_may_be_switched_off() -> None:
    required = [
        check.columns
        for suite in warehouse_suites(AS_OF, [], IdentityBounds())
        for check in suite.checks
        if check.type == "expect_column_values_to_not_be_null"
    ]
    assert required == [("customer_id",), ("account_id",), ("segment_id",)]


def test_accounts_may_be_empty_but_customers_may_not() -> None:
    counted = [
        suite.name
        for suite in warehouse_suites(AS_OF, [], IdentityBounds())
        if any(check.type.startswith("expect_table_row_count") for check in suite.checks)
    ]
    assert counted == ["customer_360"]


def test_column_names_are_sorted() -> None:
    assert Check("t", {}, ("b", "a"), "e").column_name == "a,b"
    assert Check("t", {}, (), "e").column_name is None


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9)), None])
def test_the_instant_of_the_run_is_compared_in_utc(zone: timezone | None) -> None:
    instant = AS_OF.astimezone(zone) if zone else AS_OF.replace(tzinfo=None)
    condition = not_after("seen_at", instant).kwargs["condition"]
    assert condition == "seen_at <= timestamp '2026-07-01 00:00:00.000000'"


def test_importing_the_package_and_its_entry_point_stays_cheap() -> None:
    code = "import sys, expectations.audit; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
