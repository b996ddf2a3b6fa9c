"""What `strata erase` forgets of a person, what it keeps of others, and when it refuses."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from activation_kit import MODELS, Warehouse, open_warehouse
from project import places_of

from orchestration.activation.ledger import sync_ledger
from orchestration.erasure.erase import (
    ERASURES,
    Request,
    erase,
    forget_in_pages,
    plan_erasure,
)
from orchestration.erasure.forget import KEPT, OF_NOBODY, TEXTS
from orchestration.erasure.person import Identifier, Person
from orchestration.errors import StrataError, UsageError
from orchestration.project import utc_now

T1, T2, T3 = (datetime(2026, 7, day) for day in (1, 2, 3))
# Ann was two customers, cus_a00 and cus_p00, until T2, and left the sources at T3. Quin has a user
# id that was taken for hers.
DDL = """
create schema identity; create schema segments; create schema customer_360;
create schema test_failures;
create table identity.identity_assignments (
  node text, identifier_type text, identifier_value text, customer_id text, valid_from timestamp,
  valid_to timestamp, previous_customer_id text, start_detail text, end_reason text,
  end_detail text);
create table identity.identity_quarantine (node text);
create table identity.proposed_edges (contact_id_a text, contact_id_b text);
create table identity.int_identity__record_identifiers (
  record_id text, record_type text, source_system text, node text, is_current boolean);
create table customer_360.account_360 (account_id text);
create table segments.segment_membership_history (
  stay_id text, segment_id text, entity text, entity_id text, valid_from timestamp,
  valid_to timestamp, exit_reason text, continued_from text, continued_as text);
create table segments.segment_verdicts (segment_id text, reasons text, lifted_reasons text);
create table activation.experiment_assignments (
  experiment_id text, entity_key text, arm text, assigned_at timestamp);
create table activation.audience_events (entity_key text, entity_id text);
create table operations.expectation_results (observed_value text, exception_message text);
create table test_failures.unique_email (email text)
"""
SCHEMAS = ("identity", "segments", "customer_360", "test_failures")
ASSIGNMENTS = [
    ("email", "ann@x.example", "cus_a00", T1, T2, None, None, "merged", "contact:51 holds email"),
    ("email", "ann@x.example", "cus_p00", T2, T3, "cus_a00",
     "contact:51 holds contact_id:51 and email:ann@x.example", "record_changed_or_deleted", None),
    ("contact_id", "51", "cus_p00", T1, T3, None, None, "record_changed_or_deleted", None),
    ("email", "info@x.example", "cus_p00", T1, T2, None, None, "quarantined", None),
    ("user_id", "u-shared-9", "cus_p00", T1, T2, None, None, "split", None),
    ("user_id", "u-shared-9", "cus_q00", T2, None, "cus_p00",
     "no record holds email:ann@x.example any more", None, None),
    ("email", "quin@x.example", "cus_q00", T1, None, None, None, None, None),
    ("contact_id", "511", "cus_q00", T1, None, None, "ticket:9 holds contact_id:511", None, None),
]  # fmt: skip
STAYS = [
    ("1", "champions", "customer", "cus_a00", T1, T2, "entity_merged", None, "cus_p00"),
    ("2", "champions", "customer", "cus_p00", T2, T3, "entity_gone", "cus_a00", None),
    ("3", "held_one", "customer", "cus_p00", T1, None, None, None, None),
    ("4", "champions", "customer", "cus_q00", T1, None, None, None, None),
    ("5", "enterprise", "account", "acc_1", T1, None, None, None, None),
]
DRAWN = [
    ("same_arm", "cus_a00", "call", T1), ("same_arm", "cus_p00", "call", T2),
    ("two_arms", "cus_a00", "call", T1), ("two_arms", "cus_p00", "holdout", T2),
    ("one", "cus_p00", "holdout", T1), ("one", "cus_q00", "call", T1),
]  # fmt: skip
EVENT = "champions|customer|cus_p00|entered|2026-07-02 00:00:00"
LEDGER = [
    {"sync_name": "sync_list", "entity_key": "cus_p00", "state": "removed"},
    {
        "sync_name": "sync_list", "entity_key": "cus_q00", "state": "delivered",
        "acknowledged_hash": "h", "identifier": "quin@x.example",
    },
    {
        "sync_name": "sync_events", "entity_key": EVENT, "state": "delivered",
        "acknowledged_hash": "h", "identifier": EVENT,
    },
    # What Quin is known by there is what Ann was called elsewhere.
    {
        "sync_name": "sync_numbers", "entity_key": "cus_q00", "state": "delivered",
        "acknowledged_hash": "h", "identifier": "51",
    },
]  # fmt: skip
OBSERVED = [
    ("sync_list", "Ann@X.example"), ("sync_list", "quin@x.example"), ("sync_list", "51"),
    ("sync_numbers", "51"),
]  # fmt: skip
ROWS: dict[str, list[tuple[object, ...]]] = {
    "identity.identity_assignments": [(f"{row[0]}:{row[1]}", *row) for row in ASSIGNMENTS],
    "segments.segment_membership_history": list(STAYS),
    "activation.experiment_assignments": list(DRAWN),
    "identity.proposed_edges": [("51", "60"), ("511", "60")],
    "activation.audience_events": [
        (EVENT, "cus_p00"),
        (EVENT.replace("p00", "q00"), "cus_q00"),
    ],
    "operations.expectation_results": [
        ("2 unexpected, for example Ann@X.example, joann@x.example", None)
    ],
    "segments.segment_verdicts": [("champions", "1 of 2 members unknown: cus_p00", None)],
    "test_failures.unique_email": [("ann@x.example",)],
    "identity.int_identity__record_identifiers": [
        ("contact:511", "contact", "hubspot", "contact_id:511", True)
    ],
    "customer_360.account_360": [("acc_1",)],
    "activation.sync_observed": [(sync, "reading", one, T3) for sync, one in OBSERVED],
}
ANN = Person(
    "cus_p00",
    ["cus_a00", "cus_p00"],
    [Identifier("contact_id", "51"), Identifier("email", "ann@x.example")],
)
ASKED = Request("cus_p00", "request 4512", "dpo@strata.example")


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """Ann after the sources and the destinations forgot her, and Quin."""
    for opened in open_warehouse(request, tmp_path):
        with opened.engine.begin() as connection:
            if request.param == "postgres":
                for schema in SCHEMAS:
                    connection.execute(sa.text(f"drop schema if exists {schema} cascade"))
            for statement in DDL.split(";"):
                connection.execute(sa.text(statement))
            ERASURES.create(connection)
            fill(connection)
        yield opened


def fill(connection: sa.Connection) -> None:
    for table, rows in ROWS.items():
        for row in rows:
            marks = ", ".join(f":v{place}" for place in range(len(row)))
            values = {f"v{place}": value for place, value in enumerate(row)}
            connection.execute(sa.text(f"insert into {table} values ({marks})"), values)
    for entry in LEDGER:
        connection.execute(sa.insert(sync_ledger).values(entry))


def everything(warehouse: Warehouse) -> dict[str, list[str]]:
    """All rows of all tables."""
    names = warehouse.rows(
        "select table_schema as s, table_name as t from information_schema.tables "
        "where table_catalog = current_database() "
        "and table_schema not in ('pg_catalog', 'information_schema')"
    )
    return {
        name: sorted(str(row) for row in warehouse.rows(f"select * from {name}"))
        for name in (f"{one['s']}.{one['t']}" for one in names)
    }


def test_a_plan_counts_and_changes_nothing(warehouse: Warehouse) -> None:
    before = everything(warehouse)
    planned = plan_erasure(warehouse.engine, ASKED)
    assert planned.person == ANN
    assert planned.row_counts == {
        "segments.segment_membership_history": 3,
        "activation.experiment_assignments": 5,
        "identity.identity_assignments": 6,
        "identity.proposed_edges": 1,
        "activation.sync_observed": 2,
        "activation.sync_ledger": 2,
        "operations.expectation_results": 1,
        "segments.segment_verdicts": 1,
        "activation.audience_events": 1,
        "test_failures.unique_email": 1,
    }
    assert planned.obstacles == []
    assert everything(warehouse) == before


def test_one_person_is_found_by_whatever_is_known_of_them(warehouse: Warehouse) -> None:
    for who in ("cus_p00", "cus_a00", "ann@x.example", " Ann@X.example ", "51"):
        asked = Request(who, ASKED.reason, ASKED.by)
        assert plan_erasure(warehouse.engine, asked).person == ANN


def test_nothing_names_who_was_erased(warehouse: Warehouse) -> None:
    erase(warehouse.engine, ASKED)
    assert places_of(warehouse.engine, ["cus_p00", "cus_a00", "id:51 "]) == []
    named = places_of(warehouse.engine, ["ann@x.example"])  # Joann remains
    assert named == ["operations.expectation_results.observed_value"]
    with pytest.raises(UsageError, match="Nothing is kept of"):
        erase(warehouse.engine, Request("cus_p00", ASKED.reason, ASKED.by))
    [kept] = warehouse.rows("select * from operations.erasures")
    assert (kept["erased_by"], kept["reason"]) == (ASKED.by, ASKED.reason)
    assert kept["row_count"] == sum(json.loads(kept["row_counts"]).values()) == 23


def test_history_keeps_its_shape_under_random_ids(warehouse: Warehouse) -> None:
    erase(warehouse.engine, ASKED)
    stays = warehouse.rows(
        "select * from segments.segment_membership_history order by segment_id, valid_from, 1"
    )
    quin, merged, left = (one for one in stays if one["segment_id"] == "champions")
    if quin["entity_id"] != "cus_q00":
        quin, merged = merged, quin
    [still_open] = [one for one in stays if one["segment_id"] == "held_one"]
    assert re.fullmatch("erased_[0-9a-f]{20}", left["entity_id"])
    assert merged["entity_id"] not in (left["entity_id"], "cus_a00")
    assert (merged["continued_as"], merged["exit_reason"]) == (left["entity_id"], "entity_merged")
    assert (left["continued_from"], left["exit_reason"]) == (merged["entity_id"], "erased")
    assert (still_open["entity_id"], still_open["valid_to"]) == (left["entity_id"], None)
    assert still_open["exit_reason"] is None
    assert {"1", "2", "3"}.isdisjoint(one["stay_id"] for one in stays)
    assert len({one["stay_id"] for one in stays}) == len(STAYS)
    assert {one["stay_id"] for one in stays if "erased" not in one["entity_id"]} == {"4", "5"}


def test_experiments_count_the_person_as_they_did(warehouse: Warehouse) -> None:
    erase(warehouse.engine, ASKED)
    drawn = warehouse.rows("select * from activation.experiment_assignments order by 1, 2")
    assert [(one["experiment_id"], one["arm"], one["assigned_at"]) for one in drawn] == [
        ("one", "call", T1), ("one", "holdout", T1), ("same_arm", "call", T1),
    ]  # fmt: skip
    names = [one["entity_key"] for one in drawn]
    assert names[0] == "cus_q00"
    assert names[1] == names[2]
    assert names[1].startswith("erased_")


def test_others_keep_what_is_theirs(warehouse: Warehouse) -> None:
    erase(warehouse.engine, ASKED)
    held = warehouse.rows("select * from identity.identity_assignments order by node")
    assert [one["node"] for one in held] == [
        "contact_id:511", "email:quin@x.example", "user_id:u-shared-9",
    ]  # fmt: skip
    assert {one["customer_id"] for one in held} == {"cus_q00"}
    assert held[0]["start_detail"] == "ticket:9 holds contact_id:511"
    assert held[2]["previous_customer_id"].startswith("erased_")
    assert held[2]["start_detail"] == "erased"
    ledger = warehouse.rows("select sync_name, entity_key from activation.sync_ledger order by 1")
    assert ledger == [
        {"sync_name": "sync_list", "entity_key": "cus_q00"},
        {"sync_name": "sync_numbers", "entity_key": "cus_q00"},
    ]
    seen = warehouse.rows("select sync_name, identifier from activation.sync_observed order by 1")
    assert [tuple(one.values()) for one in seen] == [
        ("sync_list", "quin@x.example"), ("sync_numbers", "51"),
    ]  # fmt: skip
    assert warehouse.rows("select observed_value as said from operations.expectation_results") == [
        {"said": "2 unexpected, for example erased, joann@x.example"}
    ]
    assert "test_failures.unique_email" not in everything(warehouse)


RECORD = "insert into identity.int_identity__record_identifiers values "
LEASE = (
    "insert into operations.leases (lease_name, run_id, holder, acquired_at, expires_at) "
    "values ('sync_list', 'r', 'elsewhere:1', :now, :until)"
)


@pytest.mark.parametrize(
    ("still", "words"),
    [
        (
            RECORD + "('contact:51', 'contact', 'hubspot', 'contact_id:51', true)",
            r"stg_crm__contacts has them from hubspot: contact:51\. .*--full-refresh",
        ),
        (
            RECORD + "('contact:51', 'contact', 'hubspot', 'contact_id:51', false)",
            r"no source has them any more, .*--full-refresh",
        ),
        (
            "update activation.sync_ledger set acknowledged_hash = 'h' "
            "where entity_key = 'cus_p00'",
            r"sync_list has them, .* in 1 row .*strata sync sync_list",
        ),
        (
            "update activation.sync_ledger set state = 'claimed' where sync_name = 'sync_events'",
            r"sync_events has them, or may have",
        ),
        (LEASE, r"sync_list: a run of it is going on .*\(elsewhere:1\); wait"),
        ("drop table operations.erasures", r"operations.erasures does not exist; run .* refresh"),
    ],
)
def test_it_refuses_and_does_nothing(warehouse: Warehouse, still: str, words: str) -> None:
    times: dict[str, Any] = {}
    if still is LEASE:
        times = {"now": utc_now(), "until": utc_now() + timedelta(minutes=5)}
    warehouse.do(still, **times)
    before = everything(warehouse)
    with pytest.raises(StrataError, match=words):
        erase(warehouse.engine, ASKED)
    assert everything(warehouse) == before


def test_what_a_person_deleted_by_hand_is_believed_and_noted(warehouse: Warehouse) -> None:
    warehouse.do("update activation.sync_ledger set state = 'claimed' where entity_key = 'cus_p00'")
    wrong = Request("cus_p00", "4512", "dpo", ["sync_other"])
    with pytest.raises(UsageError, match=r"names sync_other, .* Those that have: sync_list\."):
        erase(warehouse.engine, wrong)
    for name in ("sync_list", "list"):
        asked = Request("cus_p00", "4512", "dpo", [name])
        assert plan_erasure(warehouse.engine, asked).obstacles == []
    erase(warehouse.engine, asked)
    assert warehouse.rows("select removed_from from operations.erasures") == [
        {"removed_from": "list"}
    ]


def test_who_cannot_be_erased_is_told_why(warehouse: Warehouse) -> None:
    for who, words in (
        ("acc_1", "'acc_1' is an account; accounts are companies"),
        ("nobody@x.example", "Nothing is kept of 'nobody@x.example': .* knows 3 customers"),
        ("erased_0123", "stands for somebody who was erased"),
    ):
        with pytest.raises(UsageError, match=words):
            plan_erasure(warehouse.engine, Request(who, "4512", "dpo"))


def test_an_identifier_of_several_customers_is_asked_about(warehouse: Warehouse) -> None:
    warehouse.do(
        "insert into identity.identity_assignments (node, identifier_type, identifier_value, "
        "customer_id, valid_from) values ('user_id:51', 'user_id', '51', 'cus_q00', :since)",
        since=T1,
    )
    with pytest.raises(UsageError, match="of 2 customers: cus_p00, cus_q00"):
        plan_erasure(warehouse.engine, Request("51", "4512", "dpo"))


def test_what_is_kept_of_it_must_not_name_them(warehouse: Warehouse) -> None:
    for reason, by, words in (
        (" ", "dpo", "Why erase"),
        ("4512", " ", "Who decides"),
        ("Ann@X.example asked", "dpo", "--reason is kept and names"),
        ("4512", "ann@x.example", "--by is kept and names"),
    ):
        with pytest.raises(UsageError, match=words):
            erase(warehouse.engine, Request("cus_p00", reason, by))


def test_pages_of_audits_lose_the_name(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    named, other = tmp_path / "suites" / "a.html", tmp_path / "index.html"
    named.write_text("for example ANN@x.example, cus_p00 and cus_q00; 51 rows")
    other.write_text("nothing")
    assert forget_in_pages(tmp_path, ANN) == 1
    assert named.read_text() == "for example erased, erased and cus_q00; 51 rows"
    assert sorted(one.name for one in tmp_path.rglob("*.*")) == ["a.html", "index.html"]


def test_every_table_that_is_kept_is_decided_about() -> None:
    """A new one belongs into one of the three lists of orchestration/erasure/forget.py."""
    kept = {
        f"{model.parent.name}.{model.stem}"
        for model in MODELS.parent.rglob("*.sql")
        if re.search(r"materialized='state_table'|full_refresh=false", model.read_text())
    }
    assert kept == {*KEPT, *TEXTS, *OF_NOBODY}
    assert len(kept) == len(KEPT) + len(TEXTS) + len(OF_NOBODY)
