"""Nothing of an audience is sent that its audit objects to, whoever runs the sync."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from activation_kit import Warehouse, open_warehouse, to_receiver

from expectations.suites import AudienceTerms, Relation
from orchestration.activation.runner import plan_sync
from orchestration.demo_receiver import DemoReceiver
from orchestration.errors import SyncFailed

TERMS = AudienceTerms(
    relation=Relation("activation", "audience_champions"),
    segment_id="champions",
    channel="email",
    identifier="email",
    columns={
        "entity_key": "string",
        "payload_hash": "string",
        "email": "string",
        "mrr": "decimal(18,2)",
    },
)
MEMBERS = {"c1": "ada", "c2": "bob"}
DDL = """
create schema segments;
create table segments.segment_membership (segment_id text, entity text, entity_id text);
insert into segments.segment_membership values
  ('champions', 'customer', 'c1'), ('champions', 'customer', 'c2'), ('others', 'customer', 'c3');
create table segments.segment_verdicts (segment_id text, verdict text);
insert into segments.segment_verdicts values ('champions', 'hold'), ('champions', 'publish');
create schema customer_360;
create table customer_360.customer_360 (customer_id text, account_id text);
create schema reference;
create table reference.experiment_arms (experiment_id text, arm text, is_delivered boolean);
insert into reference.experiment_arms values ('e', 'treated', true), ('e', 'holdout', false);
create table activation.suppression (customer_id text, channel text);
insert into activation.suppression values ('c2', 'phone'), ('c3', 'email');
create table activation.global_holdout (customer_id text);
insert into activation.global_holdout values ('c3');
create table activation.experiment_assignments (experiment_id text, entity_key text, arm text);
insert into activation.experiment_assignments values
  ('e', 'c1', 'treated'), ('e', 'c3', 'holdout'), ('over', 'c1', 'holdout');
create table activation.audience_members (
  audience_name text, experiment_id text, entity_key text, arm text);
insert into activation.audience_members values
  ('audience_champions', 'e', 'c1', 'treated'), ('audience_champions', 'e', 'c2', 'treated'),
  ('audience_others', 'over', 'c1', 'holdout');
create table activation.consent_current (customer_id text, channel text, status text);
insert into activation.consent_current values
  ('c1', 'email', 'granted'), ('c2', 'email', 'granted'), ('c2', 'phone', 'denied'),
  ('c3', 'email', 'granted');
create table operations.expectation_results (
  run_id text, as_of timestamp, suite text, relation_name text, segment_id text,
  expectation_type text, column_name text, is_success boolean, severity text,
  observed_value text, expected text, unexpected_count bigint, exception_message text,
  duration_seconds numeric(12, 3), executed_at timestamp, affects text,
  observed_number numeric(18, 6))
"""


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def warehouse(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warehouse]:
    """Two members of whom everything is right."""
    monkeypatch.setattr("orchestration.activation.runner.DATA_DOCS_DIR", tmp_path / "docs")
    for opened in open_warehouse(request, tmp_path):
        if request.param == "postgres":
            for schema in ("segments", "customer_360", "reference"):
                opened.do(f"drop schema if exists {schema} cascade")
        for statement in DDL.split(";"):
            opened.do(statement)
        opened.audience(MEMBERS)
        yield opened


def test_an_audience_in_order_is_sent_and_its_audit_kept(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with DemoReceiver() as receiver:
        assert warehouse.run(to_receiver(receiver, terms=TERMS)).added == 2
        assert set(receiver.members) == set(MEMBERS)
    kept = warehouse.rows("select run_id, suite, is_success from operations.expectation_results")
    assert len(kept) == 8
    assert {(row["run_id"], row["suite"]) for row in kept} == {("r1", "audience_champions")}
    assert all(row["is_success"] for row in kept)
    index = (tmp_path / "docs" / "index.html").read_text()
    assert 'href="suites/audience_champions.html"' in index


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "update activation.consent_current set status = 'denied' "
            "where customer_id = 'c2' and channel = 'email'",
            "expected every member has granted the channel email; "
            "found 1 of 2 members have not granted it, for example c2",
        ),
        (
            "delete from segments.segment_membership where entity_id = 'c1'",
            "expected every member is a published one of champions; "
            "found 1 of 2 members not published in it, for example c1",
        ),
        (
            "insert into activation.suppression values ('c2', 'email')",
            "expected no member is on the suppression list; found 1 of 2 members suppressed, "
            "for example c2",
        ),
        (
            "insert into activation.global_holdout values ('c1')",
            "expected no member is in a holdout; found 1 of 2 members held out, for example c1",
        ),
        (
            "insert into activation.experiment_assignments values ('e', 'c2', 'holdout')",
            "expected no member is in a holdout; found 1 of 2 members held out, for example c2",
        ),
        (
            "update activation.audience_champions set email = null where entity_key = 'c2'",
            "email: expected never empty; found 1 of 2 unexpected",
        ),
        (
            "update activation.audience_champions set email = 'bob at example' "
            "where entity_key = 'c2'",
            "email: expected email is an e-mail address; found 1 of 2 rows contradict it",
        ),
        (
            "alter table activation.audience_champions add column birth_date date",
            "expected its columns are those declared, of their types; "
            "found birth_date is DATE and not declared",
        ),
        (
            "alter table activation.audience_champions alter column mrr type text",
            "and not decimal(18,2)",
        ),
        ("drop table activation.consent_current", "consent_current"),
    ],
    ids=[
        "consent",
        "unpublished",
        "suppressed",
        "global holdout",
        "holdout arm",
        "no identifier",
        "no address",
        "column",
        "type",
        "no consents",
    ],
)
def test_what_is_wrong_with_an_audience_stops_its_sync(
    warehouse: Warehouse, damage: str, words: str
) -> None:
    warehouse.do(damage)
    with DemoReceiver() as receiver:
        sync = to_receiver(receiver, terms=TERMS)
        planned = plan_sync(warehouse.engine, sync)
        with pytest.raises(SyncFailed) as stopped:
            warehouse.run(sync)
        assert receiver.members == {}
    for said in (str(stopped.value), planned.stopped_by or ""):
        assert "activation.audience_champions did not pass its audit" in said
        assert words.lower() in said.lower()
    assert str(stopped.value).endswith("nothing was sent")
    assert warehouse.last_run()["state"] == "stopped_by_guard"
    assert warehouse.ledger() == {}


def test_an_address_that_two_members_share_is_a_warning(warehouse: Warehouse) -> None:
    warehouse.do("update activation.audience_champions set email = 'ada@example.com'")
    with DemoReceiver() as receiver:
        assert warehouse.run(to_receiver(receiver, terms=TERMS)).added == 2
    [failed] = warehouse.rows("select * from operations.expectation_results where not is_success")
    assert (failed["severity"], failed["column_name"]) == ("warning", "email")
