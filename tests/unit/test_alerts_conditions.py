"""What is an alert: each condition over tables with the columns that the models have."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alerts_kit import NOON, ON_BOTH, Warehouse, open_warehouse
from test_activation_exposures import FILE, exposure, manifest

from orchestration.alerts.alert import Alert
from orchestration.alerts.conditions import HELD_BY_ANOTHER, HELD_BY_PERSON, read_alerts
from orchestration.alerts.feeds import with_syncs
from orchestration.alerts.settings import AlertSettings
from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR

HOUR = timedelta(hours=1)


@pytest.fixture(params=ON_BOTH)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return open_warehouse(request, tmp_path)


def found(warehouse: Warehouse, now: datetime = NOON) -> dict[str, Alert]:
    with warehouse.engine.connect() as connection:
        alerts = list(read_alerts(connection, AlertSettings(), now))
    assert len({alert.key for alert in alerts}) == len(alerts)
    return {alert.key: alert for alert in alerts}


def test_a_warehouse_of_which_all_is_well_has_none(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON - HOUR)
    warehouse.verdict("champions", "publish", NOON - HOUR)
    warehouse.sync_run("sync_champions", "succeeded", NOON - HOUR, None)
    warehouse.add("activation.sync_ledger", sync_name="sync_champions", state="delivered")
    warehouse.add("operations.source_freshness", source_system="stripe", status="pass")
    assert found(warehouse) == {}


def test_a_failed_refresh_is_told_since_the_first_failure_of_the_row(warehouse: Warehouse) -> None:
    warehouse.run("failed", NOON - 5 * HOUR, error="an earlier one")
    warehouse.run("succeeded", NOON - 3 * HOUR)
    warehouse.run("failed", NOON - 2 * HOUR, step="write", error="first")
    warehouse.run("failed", NOON - HOUR, step="audit", error="stripe.invoice:\n  no such table")
    [alert] = found(warehouse).values()
    assert (alert.key, alert.severity) == ("failed_run", "error")
    assert alert.message == "It stopped in the step audit: stripe.invoice: no such table"
    assert alert.since == NOON - 2 * HOUR
    assert alert.command == "strata refresh"
    warehouse.run("succeeded", NOON)
    assert found(warehouse) == {}


def test_no_success_for_too_long_is_told_since_the_last_one(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON - 3 * HOUR)
    assert found(warehouse) == {}
    late = found(warehouse, NOON + timedelta(minutes=1))
    assert late["no_refresh"].since == NOON - 3 * HOUR
    assert late["no_refresh"].subject == "No refresh has succeeded for 3 h"
    assert "2026-07-01 09:00 UTC" in late["no_refresh"].message


def test_failures_from_the_beginning_are_no_refresh_too(warehouse: Warehouse) -> None:
    warehouse.run("failed", NOON - 4 * HOUR, error="no table")
    alerts = found(warehouse)
    assert set(alerts) == {"failed_run", "no_refresh"}
    assert alerts["failed_run"].since == alerts["no_refresh"].since == NOON - 4 * HOUR
    assert "None has succeeded yet" in alerts["no_refresh"].message


def test_a_warehouse_without_a_run_says_so_and_no_more(warehouse: Warehouse) -> None:
    [alert] = found(warehouse).values()
    assert (alert.severity, alert.subject) == ("warning", "Nothing was refreshed yet")
    warehouse.do("drop table operations.runs")
    assert [one.subject for one in found(warehouse).values()] == ["Nothing was refreshed yet"]


def test_tables_that_are_not_there_yet_are_no_alerts(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    for table in (
        "operations.sync_runs", "operations.source_freshness", "segments.segment_verdicts",
        "segments.segment_findings", "segments.segment_registry", "activation.sync_ledger",
    ):  # fmt: skip
        warehouse.do(f"drop table {table}")
        assert found(warehouse) == {}


def test_a_held_segment_is_told_since_the_first_hold_of_the_row(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.add("segments.segment_registry", segment_id="champions", label="Champions")
    verdicts = ("hold", "publish", "hold", "hold")
    for hours, verdict in zip((4, 3, 2, 1), verdicts, strict=True):
        warehouse.verdict("champions", verdict, NOON - hours * HOUR)
        warehouse.verdict("at_risk", "publish", NOON - hours * HOUR)
    [alert] = found(warehouse).values()
    assert (alert.key, alert.severity) == ("held_segment:champions", "error")
    assert alert.subject == "The segment Champions (champions) is held"
    assert alert.message == (
        "It was not published as of 2026-07-01 11:00 UTC: 3 members, fewer than the minimum of 5. "
        "It keeps its 1,200 published members."
    )
    assert alert.since == NOON - 2 * HOUR
    assert alert.command == 'strata release champions --reason "..."'


def test_of_one_instant_the_last_run_counts(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.verdict("champions", "hold", NOON - HOUR)
    warehouse.verdict("champions", "publish", NOON - HOUR, run_id="again", run_started_at=NOON)
    assert found(warehouse) == {}
    warehouse.verdict(
        "champions", "hold", NOON - HOUR, run_id="and again", run_started_at=NOON + HOUR
    )
    assert found(warehouse)["held_segment:champions"].since == NOON + HOUR


def test_a_segment_that_is_switched_off_is_not_held(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.verdict("champions", "hold", NOON, is_evaluated=False, reasons="no billing")
    assert found(warehouse) == {}


@pytest.mark.parametrize(
    ("reasons", "severity", "to_release"),
    [
        ("held by ann: a launch", "warning", "champions"),
        ("it refers to at_risk, which is held", "error", "at_risk"),
        ("solo of its priority group is held and keeps its members", "error", "solo"),
        ("too few; it refers to at_risk, which is held", "error", "champions"),
    ],
)
def test_who_holds_it_decides_severity_and_command(
    warehouse: Warehouse, reasons: str, severity: str, to_release: str
) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.verdict("champions", "hold", NOON, reasons=reasons)
    [alert] = found(warehouse).values()
    assert alert.severity == severity
    assert alert.command == f'strata release {to_release} --reason "..."'


def test_the_verdicts_word_it_as_it_is_read_here() -> None:
    sql = (PROJECT_DIR / "models" / "segments" / "segment_verdicts.sql").read_text()
    worded = [
        line.strip(" '").replace("{{ edge.neighbour }}", "at_risk")
        for line in sql.splitlines()
        if "{{ edge.neighbour }}" in line
    ]
    assert len(worded) == 2
    assert all(HELD_BY_ANOTHER.fullmatch(words) for words in worded)
    assert f"'{HELD_BY_PERSON}'" in sql


def test_a_failed_sync_is_told_until_it_succeeds(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.sync_run("sync_a", "succeeded", NOON - 3 * HOUR, None)
    warehouse.sync_run("sync_a", "failed", NOON - 2 * HOUR, "401: no access")
    warehouse.sync_run("sync_a", "stopped_by_guard", NOON - HOUR, "900 of 1,000 would be removed")
    warehouse.sync_run("sync_b", "failed", NOON - HOUR, "503: down")
    alerts = found(warehouse)
    assert set(alerts) == {"failed_sync:sync_a", "failed_sync:sync_b"}
    stopped, failed = alerts["failed_sync:sync_a"], alerts["failed_sync:sync_b"]
    assert (stopped.subject, stopped.since) == ("The sync sync_a was stopped", NOON - 2 * HOUR)
    assert stopped.message == "Nothing was sent: 900 of 1,000 would be removed"
    assert stopped.command == "strata sync sync_a --plan"
    assert (failed.subject, failed.command) == ("The sync sync_b failed", "strata sync sync_b")
    warehouse.sync_run("sync_a", "succeeded", NOON, None)
    assert set(found(warehouse)) == {"failed_sync:sync_b"}


@pytest.mark.parametrize(("expires_in", "is_told"), [(-HOUR, True), (HOUR, False)])
def test_a_sync_run_counts_as_failed_once_its_lease_is_over(
    warehouse: Warehouse, expires_in: timedelta, is_told: bool
) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.sync_run("sync_a", "succeeded", NOON - 3 * HOUR, None)
    run_id = warehouse.sync_run("sync_a", "running", NOON - 2 * HOUR, None)
    warehouse.add(
        "operations.leases", lease_name="sync_a", run_id=run_id,
        expires_at=NOON + expires_in,
    )  # fmt: skip
    alerts = found(warehouse)
    assert ("failed_sync:sync_a" in alerts) == is_told
    if is_told:
        assert "the process ended" in alerts["failed_sync:sync_a"].message


def test_parked_rows_are_one_alert_for_each_sync(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    for key, hours in (("c_1", 5), ("c_2", 2)):
        warehouse.add(
            "activation.sync_ledger", sync_name="sync_a", entity_key=key, state="parked",
            last_error="422: no such country", claimed_at=NOON - hours * HOUR,
        )  # fmt: skip
    warehouse.add("activation.sync_ledger", sync_name="sync_b", entity_key="c_1", state="delivered")
    [alert] = found(warehouse).values()
    assert (alert.key, alert.severity) == ("parked_rows:sync_a", "warning")
    assert alert.subject == "2 rows of sync_a are parked"
    assert alert.message.endswith("Of one it said: 422: no such country")
    assert (alert.since, alert.command) == (NOON - 5 * HOUR, "strata parked sync_a")


def table(warehouse: Warehouse, system: str, name: str, hours: float, status: str) -> None:
    warehouse.add(
        "operations.source_freshness", source_system=system, table_name=name, as_of=NOON,
        last_loaded_at=NOON - hours * HOUR, hours_behind=hours, warn_after_hours=24,
        error_after_hours=72, status=status,
    )  # fmt: skip


def test_late_sources_are_one_alert_for_each_system(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    table(warehouse, "stripe", "charge", 100, "error")
    table(warehouse, "stripe", "invoice", 80, "error")
    table(warehouse, "stripe", "refund", 30, "warn")
    table(warehouse, "zendesk", "ticket", 30, "warn")
    table(warehouse, "hubspot", "contact", 1, "pass")
    alerts = found(warehouse)
    assert set(alerts) == {"freshness:stripe", "freshness:zendesk"}
    stripe, zendesk = alerts["freshness:stripe"], alerts["freshness:zendesk"]
    assert (stripe.severity, zendesk.severity) == ("error", "warning")
    assert "charge 100 h (bound 72 h), invoice 80 h (bound 72 h)" in stripe.message
    assert "refund" not in stripe.message
    assert stripe.since == NOON - 100 * HOUR + 72 * HOUR
    assert zendesk.since == NOON - 6 * HOUR
    assert (stripe.affects, zendesk.affects) == ("segments that require billing", "")


def test_a_review_that_is_due_names_owner_and_file(warehouse: Warehouse) -> None:
    warehouse.run("succeeded", NOON)
    warehouse.add(
        "segments.segment_registry", segment_id="champions", label="Champions", type="value",
        owner="growth@example.com", review_by=date(2026, 6, 30),
    )  # fmt: skip
    for finding in ("review_due", "unused"):
        warehouse.add("segments.segment_findings", segment_id="champions", finding=finding)
    [alert] = found(warehouse).values()
    assert (alert.key, alert.severity) == ("review_due:champions", "warning")
    assert "growth@example.com was to look at its definition by 2026-06-30" in alert.message
    assert alert.since == datetime(2026, 7, 1)
    assert "macros/segments/value/champions.sql" in alert.command


# Which syncs they are about


ABOUT_SYNC = Alert("failed_sync", "sync_gone", "error", "failed", "why", NOON, "", "strata sync")
ABOUT_SEGMENT = Alert("held_segment", "champions", "error", "held", "why", NOON, "", "strata")


def test_alerts_say_which_syncs_they_affect_and_those_of_removed_syncs_are_none() -> None:
    project = manifest(exposure(), exposure("sync_file", FILE))
    about_known = replace(ABOUT_SYNC, about="sync_file")
    about_other = replace(ABOUT_SEGMENT, about="at_risk")
    told = with_syncs([ABOUT_SYNC, about_known, ABOUT_SEGMENT, about_other], lambda: project)
    to_file = "audience_champions → file (sync_file)"
    assert [(one.about, one.affects) for one in told] == [
        ("sync_file", to_file),
        ("champions", f"audience_champions → webhook (sync_champions), {to_file}"),
        ("at_risk", ""),
    ]


def test_a_project_that_does_not_parse_keeps_no_alert_from_being_told() -> None:
    def broken() -> dict[str, Any]:
        raise UsageError("does not parse")

    assert with_syncs([ABOUT_SYNC, ABOUT_SEGMENT], broken) == [ABOUT_SYNC, ABOUT_SEGMENT]


def test_the_project_is_not_parsed_where_no_sync_matters() -> None:
    only = Alert("failed_run", "", "error", "failed", "why", NOON, "", "strata refresh")
    assert with_syncs([only], lambda: pytest.fail("it was parsed")) == [only]


@pytest.mark.parametrize(("expires_in", "is_told"), [(-HOUR, True), (HOUR, False)])
def test_a_refresh_that_was_cut_off_counts_as_failed_once_its_lease_is_over(
    warehouse: Warehouse, expires_in: timedelta, is_told: bool
) -> None:
    warehouse.run("succeeded", NOON - 2 * HOUR)
    warehouse.run("running", NOON - HOUR, run_id="cut off", step="publish")
    warehouse.add(
        "operations.leases", lease_name="refresh", run_id="cut off", expires_at=NOON + expires_in
    )
    alerts = found(warehouse)
    assert ("failed_run" in alerts or "failed_run:" in alerts) == is_told
