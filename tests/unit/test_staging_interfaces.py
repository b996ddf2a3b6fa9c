"""Staging on hand-made raw tables: what each adapter makes of them, now and at an instant past."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.dbt import Dbt
from orchestration.errors import StrataError

pytestmark = pytest.mark.slow

NATIVE = {
    "crm": "hubspot",
    "billing": "stripe",
    "events": "segment",
    "support": "zendesk",
    "survey": "none",
}
INTERFACES = {
    "stg_crm__contacts": "contact_id",
    "stg_crm__accounts": "account_id",
    "stg_crm__deals": "deal_id",
    "stg_crm__consents": "email",
    "stg_crm__enrichment": "attribute",
    "stg_billing__customers": "billing_customer_id",
    "stg_billing__subscriptions": "subscription_id",
    "stg_billing__subscription_changes": "subscription_id",
    "stg_billing__invoices": "invoice_id",
    "stg_billing__payments": "payment_id",
    "stg_billing__refunds": "refund_id",
    "stg_events__events": "event_id",
    "stg_support__tickets": "ticket_id",
    "stg_survey__responses": "response_id",
}

Rows = list[dict[str, Any]]
Raw = Mapping[str, Rows]


class Staged(dict[str, Rows]):
    """The interfaces of one run."""

    def __call__(self, interface: str, key: str) -> Rows:
        """The rows of an interface with this key, in order of time."""
        column = INTERFACES[interface]
        rows = [row for row in self[interface] if row[column] == key]
        return sorted(rows, key=lambda row: row.get("changed_at") or datetime.min)

    def one(self, interface: str, key: str) -> dict[str, Any]:
        """The only row of an interface with this key."""
        (row,) = self(interface, key)
        return row


def land(path: Path, tables: Raw) -> None:
    """Writes raw tables as a loader would: each value is SQL."""
    with duckdb.connect(str(path)) as connection:
        for name, rows in tables.items():
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            selects = [", ".join(f'{v} as "{k}"' for k, v in row.items()) for row in rows]
            body = " union all by name ".join(f"select {columns}" for columns in selects)
            connection.execute(f"create table {name} as {body}")


def stage(path: Path, sources: Mapping[str, str], as_of: str, **variables: Any) -> Staged:
    """Runs the staging models over a DuckDB file and reads the interfaces."""
    settings = {"demo_data": False, "strata_sources": dict(sources), **variables}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_DUCKDB_PATH", str(path))
        patch.setenv("DBT_TARGET_PATH", str(path.parent / "target"))
        patch.setenv("DBT_LOG_PATH", str(path.parent / "logs"))
        dbt = Dbt(target="duckdb", variables=settings)
        models = {"select": ["staging", "exchange_rates"], "exclude": ["resource_type:test"]}
        dbt.run("build", **models, as_of=as_of)
    staged = Staged()
    with duckdb.connect(str(path)) as connection:
        for interface in INTERFACES:
            found = connection.execute(f"select * from staging.{interface}")
            names = [column[0] for column in found.description]
            staged[interface] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return staged


def money(value: str) -> Decimal:
    return Decimal(value)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def text(**columns: str | None) -> dict[str, str]:
    """A raw row whose values are all text."""
    return {k: "null" if v is None else f"'{v}'" for k, v in columns.items()}


def price(name: str, product: str, amount: int, currency: str, interval: str) -> dict[str, str]:
    row = text(id=name, product_id=product, currency=currency, recurring_interval=interval)
    return row | {"unit_amount": str(amount), "recurring_interval_count": "1"}


def subscription(name: str, status: str, **times: str) -> dict[str, str]:
    return text(id=name, customer_id="cus_1", status=status, **times) | {"_fivetran_active": "true"}


def item(subscription_id: str, plan: str, quantity: int = 1) -> dict[str, str]:
    row = text(id=f"si_{subscription_id}_{plan}", subscription_id=subscription_id, plan_id=plan)
    return row | {"quantity": str(quantity)}


def invoice(name: str, **columns: str) -> dict[str, str]:
    defaults = {"customer_id": "cus_1", "currency": "usd", "status": "paid"}
    return text(id=name, **(defaults | columns))


def line(invoice_id: str, start: str, plan: str, amount: int, **columns: str) -> dict[str, str]:
    row = text(id=f"il_{invoice_id}_{plan}", invoice_id=invoice_id, period_start=start)
    row |= text(plan_id=plan, currency="usd", type="subscription")
    extra = {"subscription_id": "'sub_growing'", "quantity": "1", "proration": "false"}
    return row | extra | {"amount": str(amount)} | columns


STRIPE: Raw = {
    "raw_stripe.customer": [
        text(id="cus_1", email="Ada@Example.com ", metadata='{"user_id": "u1"}', name="", phone="")
        | {"is_deleted": "false", "livemode": "true"},
        text(id="cus_odd", metadata="user_id=u2"),
        text(id="cus_gone", email="gone@example.com", metadata='{"user_id": "u3"}')
        | {"is_deleted": "true"},
        text(id="cus_test") | {"livemode": "false"},
    ],
    "raw_stripe.product": [text(id="p_solo", name="Solo"), text(id="p_team", name="Team")],
    "raw_stripe.price": [
        price("solo", "p_solo", 900, "usd", "month"),
        price("team", "p_team", 1900, "usd", "month"),
        price("team_year", "p_team", 19000, "usd", "year"),
        price("team_yen", "p_team", 2900, "jpy", "month"),
        price("team_dinar", "p_team", 5990, "kwd", "month"),
        price("solo_week", "p_solo", 300, "usd", "week"),
    ],
    "raw_stripe.subscription_history": [
        subscription("sub_growing", "active", start_date="2026-01-01", trial_end="2026-01-15"),
        subscription("sub_year", "active", start_date="2026-01-01"),
        subscription("sub_yen", "active", start_date="2026-01-01"),
        subscription("sub_dinar", "active", start_date="2026-01-01"),
        subscription("sub_week", "active", start_date="2026-01-01"),
        subscription("sub_two", "active", start_date="2026-01-01"),
        subscription("sub_quiet", "active", start_date="2026-01-01", trial_end="2026-01-15"),
        subscription("sub_left", "canceled", start_date="2026-01-01", canceled_at="2026-03-20",
                     ended_at="2026-04-01"),
        subscription("sub_late", "active", start_date="2026-08-01"),
        subscription("sub_versions", "past_due", start_date="2026-01-01")
        | text(_fivetran_start="2026-03-10", current_period_end="2026-04-01"),
        subscription("sub_versions", "active", start_date="2026-01-01")
        | text(_fivetran_start="2026-06-01", current_period_end="2026-07-01"),
        subscription("sub_versions", "active", start_date="2026-01-01")
        | text(_fivetran_start="2026-06-20", current_period_end="2026-08-01"),
        subscription("sub_ending", "active", start_date="2026-02-01")
        | text(_fivetran_start="2026-02-01", current_period_end="2026-08-01",
               cancel_at="2026-08-01"),
    ],
    "raw_stripe.subscription_item": [
        item("sub_growing", "team", 3),
        item("sub_year", "team_year", 2),
        item("sub_yen", "team_yen"),
        item("sub_dinar", "team_dinar"),
        item("sub_week", "solo_week"),
        item("sub_quiet", "solo"),
        item("sub_two", "solo", 5),
        item("sub_two", "team", 1),
        item("sub_left", "solo"),
        item("sub_late", "solo"),
        item("sub_versions", "solo"),
    ],
    "raw_stripe.invoice": [
        invoice("in_trial", created="2026-01-01", total="0", amount_due="0"),
        invoice("in_1", created="2026-01-15", total="1080", tax="180", subtotal="900"),
        invoice("in_2", created="2026-02-15", total="1080", tax="180", subtotal="900"),
        invoice("in_3", created="2026-03-15", total="1900", subtotal="1900"),
        invoice("in_void", created="2026-04-10", total="100", status="void"),
        invoice("in_4", created="2026-04-15", total="5700", subtotal="5700",
                due_date="2026-05-15"),
        invoice("in_draft", created="2026-05-15", total="5700", status="draft"),
        invoice("in_deleted", created="2026-05-15", total="5700") | {"is_deleted": "true"},
        invoice("in_yen", created="2026-01-01", total="2900", currency="jpy"),
    ],
    "raw_stripe.invoice_line_item": [
        line("in_trial", "2026-01-01", "solo", 0),
        line("in_1", "2026-01-15", "solo", 900),
        line("in_2", "2026-02-15", "solo", 900),
        line("in_3", "2026-03-15", "team", 1900),
        line("in_3", "2026-03-01", "solo", -450, proration="true", id="'il_proration'"),
        line("in_void", "2026-04-10", "solo", 100),
        line("in_4", "2026-04-15", "team", 5700, quantity="3"),
        line("in_draft", "2026-05-15", "solo", 900),
    ],
    "raw_stripe.charge": [
        text(id="ch_1", customer_id="cus_1", invoice_id="in_1", amount="1080", currency="usd",
             status="succeeded", created="2026-01-15 00:05:00"),
        text(id="ch_4", customer_id="cus_1", invoice_id="in_4", amount="5700", currency="usd",
             status="succeeded", created="2026-04-20"),
    ],
    "raw_stripe.refund": [
        text(id="re_1", charge_id="ch_1", amount="1080", currency="usd", status="succeeded",
             created="2026-02-01"),
        text(id="re_failed", charge_id="ch_1", amount="1080", currency="usd", status="failed",
             created="2026-02-01"),
    ],
    "raw_stripe.credit_note": [
        text(id="cn_1", invoice_id="in_2", total="540", currency="usd", created="2026-02-20"),
        text(id="cn_paid_out", invoice_id="in_1", total="1080", currency="usd", refund_id="re_1",
             created="2026-02-01"),
        text(id="cn_void", invoice_id="in_2", total="540", currency="usd", status="void",
             created="2026-02-20"),
    ],
}  # fmt: skip

HUBSPOT: Raw = {
    "raw_hubspot.contact": [
        text(id="1", property_email="ada@example.com",
             property_lifecyclestage="marketingqualifiedlead", property_createdate="2026-01-01",
             property_lastmodifieddate="2026-04-01"),
        text(id="2", property_lifecyclestage="84712", property_createdate="2026-01-01"),
        text(id="3", property_createdate="2026-01-01") | {"_fivetran_deleted": "true"},
        text(id="4", property_createdate="2026-05-01"),
        text(id="5", property_createdate="2026-01-01"),
    ],
    "raw_hubspot.contact_merge_audit": [text(contact_id="1", vid_to_merge="5")],
    "raw_hubspot.company": [text(id="c1", property_name="Ada Ltd", property_annualrevenue="")],
    "raw_hubspot.deal": [
        text(deal_id="d_won", deal_pipeline_stage_id="won", property_amount="100",
             property_deal_currency_code="EUR", property_createdate="2026-01-01",
             property_closedate="2026-04-01"),
        text(deal_id="d_open", deal_pipeline_stage_id="talk", property_amount="50",
             property_createdate="2026-01-01", property_closedate="2026-02-01"),
    ],
    "raw_hubspot.deal_pipeline_stage": [
        text(stage_id="won", pipeline_id="p", label="Closed won")
        | {"closed_won": "true", "is_closed": "true"},
        text(stage_id="talk", pipeline_id="p", label="Talking")
        | {"closed_won": "false", "is_closed": "false"},
    ],
    "raw_hubspot.deal_company": [
        text(deal_id="d_won", company_id="c0", type_id="341"),
        text(deal_id="d_won", company_id="c1", type_id="5"),
    ],
    "raw_hubspot.email_subscription_change": [
        text(recipient="in@example.com", timestamp="2026-01-01", change="SUBSCRIBED"),
        text(recipient="out@example.com", timestamp="2026-01-01", change="UNSUBSCRIBED"),
        text(recipient="bounced@example.com", timestamp="2026-01-01", change="BOUNCED"),
    ],
}  # fmt: skip

SEGMENT: Raw = {
    "raw_segment.tracks": [
        text(id="t1", event="signed_up", timestamp="2026-01-01T10:00:00+02:00",
             received_at="2026-01-01T10:00:09+02:00", user_id="late delivery"),
        text(id="t1", event="signed_up", timestamp="2026-01-01T10:00:00+02:00",
             received_at="2026-01-01T10:00:01+02:00", user_id="u1"),
        text(id="t_future", event="signed_up", timestamp="2026-07-01 00:00:01"),
    ],
    "raw_segment.pages": [text(id="p1", timestamp="2026-01-01", path="/pricing", anonymous_id="a")],
    "raw_segment.identifies": [text(id="i1", timestamp="2026-01-01", email="ada@example.com")],
}  # fmt: skip


def change(ticket: str, value: str, updated: str) -> dict[str, str]:
    return text(ticket_id=ticket, field_name="status", value=value, updated=updated)


ZENDESK: Raw = {
    "raw_zendesk.ticket": [
        text(id="1", requester_id="10", status="solved", created_at="2026-01-01"),
        text(id="2", requester_id="10", status="open", created_at="2026-01-01"),
        text(id="3", requester_id="10", status="deleted", created_at="2026-01-01"),
    ],
    "raw_zendesk.user": [
        text(id="10", email="ada@example.com", role="end-user"),
        text(id="20", email="agent@example.com", role="agent"),
    ],
    "raw_zendesk.ticket_tag": [
        text(ticket_id="1", tag="how_to"),
        text(ticket_id="1", tag="billing"),
        text(ticket_id="1", tag="billing"),
        text(ticket_id="2", tag="vip"),
    ],
    "raw_zendesk.ticket_field_history": [
        change("1", "open", "2026-01-01"),
        change("1", "solved", "2026-02-01"),
        change("1", "open", "2026-03-01"),
        change("1", "solved", "2026-05-01"),
        change("2", "open", "2026-01-01"),
        change("2", "solved", "2026-02-01"),
        change("2", "pending", "2026-05-01"),
    ],
    "raw_zendesk.ticket_comment": [
        text(ticket_id="1", user_id="10", created="2026-01-01") | {"public": "true"},
        text(ticket_id="1", user_id="20", created="2026-01-02") | {"public": "false"},
        text(ticket_id="1", user_id="20", created="2026-01-03") | {"public": "true"},
    ],
    "raw_zendesk.satisfaction_rating": [
        text(id="1", ticket_id="1", score="offered", created_at="2026-05-02"),
        text(id="2", ticket_id="1", score="good", created_at="2026-05-03"),
    ],
}

GENERIC_BESIDE: Raw = {
    "raw_generic.enrichment": [
        text(email="ada@example.com", attribute="Industry", value="Mathematics",
             observed_at="2026-01-01"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def native_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("native") / "x.duckdb"
    land(path, {**STRIPE, **HUBSPOT, **SEGMENT, **ZENDESK, **GENERIC_BESIDE})
    return path


@pytest.fixture(scope="module")
def now(native_file: Path) -> Staged:
    return stage(native_file, NATIVE, "2026-07-01T00:00:00Z")


@pytest.fixture(scope="module")
def march(native_file: Path) -> Staged:
    """The same raw tables as of 16 March."""
    return stage(native_file, NATIVE, "2026-03-16T00:00:00Z")


def test_a_yearly_price_counts_a_twelfth_a_month(now: Staged) -> None:
    assert now.one("stg_billing__subscriptions", "sub_year")["mrr"] == money("31.67")


def test_a_weekly_price_counts_52_twelfths_a_month(now: Staged) -> None:
    assert now.one("stg_billing__subscriptions", "sub_week")["mrr"] == money("13.00")


@pytest.mark.parametrize(
    ("name", "amount", "dollars"),
    [("sub_yen", "2900.00", "19.43"), ("sub_dinar", "5.99", "19.47")],
)
def test_the_smallest_unit_depends_on_the_currency(
    now: Staged, name: str, amount: str, dollars: str
) -> None:
    row = now.one("stg_billing__subscriptions", name)
    assert (row["mrr_original"], row["mrr"]) == (money(amount), money(dollars))


def test_money_is_in_the_reporting_currency_beside_the_original(now: Staged) -> None:
    row = now.one("stg_billing__invoices", "in_yen")
    found = row["amount"], row["amount_original"], row["currency"]
    assert found == (money("19.43"), money("2900.00"), "JPY")


def test_a_subscription_of_several_items_sums_them_and_is_named_after_the_largest(
    now: Staged,
) -> None:
    row = now.one("stg_billing__subscriptions", "sub_two")
    assert (row["plan"], row["quantity"], row["mrr"]) == ("solo", 5, money("64.00"))


def test_changes_are_the_regular_lines_that_differ_from_the_one_before(now: Staged) -> None:
    rows = now("stg_billing__subscription_changes", "sub_growing")
    assert [(r["changed_at"], r["plan"], r["quantity"], r["mrr"]) for r in rows] == [
        (at("2026-01-01"), "solo", 1, money("0.00")),
        (at("2026-01-15"), "solo", 1, money("9.00")),
        (at("2026-03-15"), "team", 1, money("19.00")),
        (at("2026-04-15"), "team", 3, money("57.00")),
    ]


def test_a_subscription_without_lines_starts_free_and_costs_from_the_end_of_its_trial(
    now: Staged,
) -> None:
    rows = now("stg_billing__subscription_changes", "sub_quiet")
    assert [(r["changed_at"], r["mrr"]) for r in rows] == [
        (at("2026-01-01"), money("0.00")),
        (at("2026-01-15"), money("9.00")),
    ]


def test_a_subscription_shows_the_plan_it_had_at_the_instant(now: Staged, march: Staged) -> None:
    plans = [s.one("stg_billing__subscriptions", "sub_growing") for s in (march, now)]
    assert [(p["plan"], p["quantity"], p["mrr"]) for p in plans] == [
        ("team", 1, money("19.00")),
        ("team", 3, money("57.00")),
    ]


def test_a_subscription_is_active_until_it_ends(now: Staged, march: Staged) -> None:
    rows = [s.one("stg_billing__subscriptions", "sub_left") for s in (march, now)]
    assert [(r["status"], r["cancelled_at"], r["ended_at"]) for r in rows] == [
        ("active", None, None),
        ("canceled", at("2026-03-20"), at("2026-04-01")),
    ]


def test_a_subscription_has_the_status_of_its_version_at_the_instant(
    now: Staged, march: Staged
) -> None:
    rows = [s.one("stg_billing__subscriptions", "sub_versions") for s in (march, now)]
    assert [row["status"] for row in rows] == ["past_due", "active"]


def test_a_subscription_says_since_when_it_has_its_status_and_when_it_renews(
    now: Staged, march: Staged
) -> None:
    rows = [s.one("stg_billing__subscriptions", "sub_versions") for s in (march, now)]
    assert [(row["status_since"], row["renews_at"]) for row in rows] == [
        (at("2026-03-10"), at("2026-04-01")),
        (at("2026-06-01"), at("2026-08-01")),
    ]
    ending = now.one("stg_billing__subscriptions", "sub_ending")
    assert (ending["status_since"], ending["renews_at"]) == (at("2026-02-01"), None)


def test_an_invoice_says_when_it_is_due(now: Staged) -> None:
    found = [now.one("stg_billing__invoices", key)["due_at"] for key in ("in_4", "in_3")]
    assert found == [at("2026-05-15"), None]


def test_a_subscription_that_starts_later_is_not_there_yet(now: Staged) -> None:
    assert now("stg_billing__subscriptions", "sub_late") == []


def test_invoices_are_without_tax(now: Staged) -> None:
    assert now.one("stg_billing__invoices", "in_1")["amount"] == money("9.00")


@pytest.mark.parametrize("name", ["in_draft", "in_deleted", "in_trial"])
def test_drafts_deleted_and_trial_invoices_are_no_sales(now: Staged, name: str) -> None:
    assert now("stg_billing__invoices", name) == []


def test_an_invoice_paid_later_is_open(now: Staged, march: Staged) -> None:
    path = [s.one("stg_billing__invoices", "in_1") for s in (march, now)]
    assert [row["paid_at"] for row in path] == [at("2026-01-15 00:05:00")] * 2
    assert march("stg_billing__invoices", "in_4") == []
    assert now.one("stg_billing__invoices", "in_4")["paid_at"] == at("2026-04-20")


def test_a_credit_note_is_a_negative_invoice_without_its_share_of_tax(now: Staged) -> None:
    row = now.one("stg_billing__invoices", "cn_1")
    assert (row["amount"], row["status"]) == (money("-4.50"), "credit_note")


@pytest.mark.parametrize("name", ["cn_void", "cn_paid_out"])
def test_a_credit_note_that_is_void_or_paid_out_as_a_refund_does_not_count(
    now: Staged, name: str
) -> None:
    assert now("stg_billing__invoices", name) == []


def test_a_refund_gives_back_what_the_invoice_counted(now: Staged) -> None:
    row = now.one("stg_billing__refunds", "re_1")
    assert (row["amount"], row["billing_customer_id"]) == (money("9.00"), "cus_1")
    assert now("stg_billing__refunds", "re_failed") == []


def test_the_user_of_a_stripe_customer_is_in_its_metadata(now: Staged) -> None:
    users = {r["billing_customer_id"]: r["user_id"] for r in now["stg_billing__customers"]}
    assert users == {"cus_1": "u1", "cus_odd": None, "cus_gone": None}


def test_raw_text_is_kept_and_empty_text_is_null(now: Staged) -> None:
    row = now.one("stg_billing__customers", "cus_1")
    assert (row["email"], row["name"]) == ("Ada@Example.com ", None)


def test_a_deleted_stripe_customer_keeps_only_its_id(now: Staged) -> None:
    assert now.one("stg_billing__customers", "cus_gone")["email"] is None


def test_lifecycle_stages_of_hubspot_are_put_in_our_words(now: Staged) -> None:
    stages = [now.one("stg_crm__contacts", key)["lifecycle_stage"] for key in ("1", "2")]
    assert stages == ["marketing_qualified", "other"]


def test_deleted_merged_and_future_contacts_are_left_out(now: Staged, march: Staged) -> None:
    assert {r["contact_id"] for r in now["stg_crm__contacts"]} == {"1", "2", "4"}
    assert {r["contact_id"] for r in march["stg_crm__contacts"]} == {"1", "2"}


def test_a_deal_is_won_from_the_day_it_closed(now: Staged, march: Staged) -> None:
    rows = [s.one("stg_crm__deals", "d_won") for s in (march, now)]
    assert [(r["is_won"], r["closed_at"]) for r in rows] == [(None, None), (True, at("2026-04-01"))]


def test_an_open_deal_has_no_close_date(now: Staged) -> None:
    row = now.one("stg_crm__deals", "d_open")
    assert (row["stage"], row["closed_at"], row["is_won"]) == ("Talking", None, None)


def test_a_deal_is_with_its_primary_company(now: Staged) -> None:
    row = now.one("stg_crm__deals", "d_won")
    assert (row["account_id"], row["amount"]) == ("c1", money("108.00"))


def test_subscription_changes_of_hubspot_are_consents_but_bounces_are_not(now: Staged) -> None:
    found = {r["email"]: r["status"] for r in now["stg_crm__consents"]}
    assert found == {"in@example.com": "granted", "out@example.com": "denied"}


def test_what_a_system_does_not_carry_is_read_from_the_generic_table(now: Staged) -> None:
    row = now.one("stg_crm__enrichment", "industry")
    assert (row["value"], row["source_system"]) == ("Mathematics", "generic")


def test_the_first_delivery_of_an_event_counts_and_its_zone_is_honoured(now: Staged) -> None:
    row = now.one("stg_events__events", "t1")
    assert (row["user_id"], row["occurred_at"]) == ("u1", at("2026-01-01 08:00:00"))


def test_tracks_pages_and_identifies_are_events_until_the_instant(now: Staged) -> None:
    found = {r["event_id"]: r["event_name"] for r in now["stg_events__events"]}
    assert found == {"t1": "signed_up", "p1": "page_viewed", "i1": "identified"}


def test_a_reopened_ticket_is_not_solved_and_counts_it(now: Staged, march: Staged) -> None:
    rows = [s.one("stg_support__tickets", "2") for s in (march, now)]
    assert [(r["status"], r["solved_at"], r["reopen_count"]) for r in rows] == [
        ("solved", at("2026-02-01"), 0),
        ("pending", None, 1),
    ]


def test_a_ticket_solved_again_later_is_open_and_unrated_before(now: Staged, march: Staged) -> None:
    rows = [s.one("stg_support__tickets", "1") for s in (march, now)]
    assert [(r["status"], r["solved_at"], r["csat_score"]) for r in rows] == [
        ("open", None, None),
        ("solved", at("2026-05-01"), money("5.00")),
    ]


def test_the_first_response_is_public_and_of_an_agent(now: Staged) -> None:
    row = now.one("stg_support__tickets", "1")
    assert (row["first_response_at"], row["email"]) == (at("2026-01-03"), "ada@example.com")


def test_the_topic_is_the_most_telling_tag(now: Staged) -> None:
    topics = [now.one("stg_support__tickets", key)["topic"] for key in ("1", "2")]
    assert topics == ["billing", None]


def test_a_deleted_ticket_is_left_out(now: Staged) -> None:
    assert now("stg_support__tickets", "3") == []


BILLING_ALONE = {
    "crm": "none",
    "billing": "generic",
    "events": "none",
    "support": "none",
    "survey": "none",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """A shop with two tables, landed carelessly: upper-case names, floats, text times."""
    path = tmp_path_factory.mktemp("shop") / "x.duckdb"
    tables: Raw = {
        "raw_generic.customers": [
            {"BILLING_CUSTOMER_ID": "cast(12345 as double)", "Email": "' '", "extra": "1"}
        ],
        "raw_generic.invoices": [
            text(invoice_id="1", billing_customer_id="12345", amount="10.005",
                 issued_at="2011-01-01 10:00"),
            text(invoice_id="2", billing_customer_id="12345", amount="100", currency="eur ",
                 status="Paid", issued_at="2011-01-01T10:00:00-05:00", paid_at="2011-12-11"),
        ],
    }  # fmt: skip
    land(path, tables)
    return stage(path, BILLING_ALONE, "2011-12-10", reporting_currency="GBP")


def test_two_tables_are_enough_for_billing(shop: Staged) -> None:
    sizes = {name: len(rows) for name, rows in shop.items() if rows}
    assert sizes == {"stg_billing__customers": 1, "stg_billing__invoices": 2}


def test_names_of_any_case_and_ids_landed_as_numbers_are_read(shop: Staged) -> None:
    row = shop.one("stg_billing__customers", "12345")
    assert (row["email"], row["country"], row["source_system"]) == (None, None, "generic")


def test_money_without_a_currency_is_in_the_reporting_currency(shop: Staged) -> None:
    row = shop.one("stg_billing__invoices", "1")
    assert (row["amount"], row["currency"]) == (money("10.01"), "GBP")


def test_money_is_converted_between_any_two_currencies(shop: Staged) -> None:
    assert shop.one("stg_billing__invoices", "2")["amount"] == money("85.04")


def test_status_follows_the_instant_in_generic_tables_too(shop: Staged) -> None:
    row = shop.one("stg_billing__invoices", "2")
    assert (row["status"], row["paid_at"]) == ("open", None)
    assert row["issued_at"] == at("2011-01-01 15:00:00")


def test_generic_changes_take_the_currency_of_their_subscription(tmp_path: Path) -> None:
    tables: Raw = {
        "raw_generic.customers": [text(billing_customer_id="1")],
        "raw_generic.subscriptions": [
            text(subscription_id="s", billing_customer_id="1", mrr="100", currency="EUR",
                 started_at="2026-01-01", trial_ends_at="2026-08-01"),
        ],
        "raw_generic.subscription_changes": [
            text(subscription_id="s", changed_at="2026-01-01", mrr="100"),
        ],
    }  # fmt: skip
    land(tmp_path / "x.duckdb", tables)
    staged = stage(tmp_path / "x.duckdb", BILLING_ALONE, "2026-07-01")
    assert staged.one("stg_billing__subscription_changes", "s")["mrr"] == money("108.00")
    row = staged.one("stg_billing__subscriptions", "s")
    assert (row["status"], row["mrr"]) == ("trialing", money("0.00"))


@pytest.fixture(scope="module")
def complaint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run says about tables that cannot be read."""
    path = tmp_path_factory.mktemp("broken") / "x.duckdb"
    tables: Raw = {
        "raw_generic.customers": [text(billing_customer_id="1")],
        "raw_generic.invoices": [text(invoice_id="1", Amount="1")],
        "raw_generic.payments": [
            text(payment_id="1", billing_customer_id="1", amount="1")
            | {"attempted_at": "1293876000"},
        ],
    }
    land(path, tables)
    with pytest.raises(StrataError) as stopped:
        stage(path, BILLING_ALONE | {"crm": "generic"}, "2011-12-10")
    return str(stopped.value)


def test_a_missing_required_column_is_named_with_what_was_found(complaint: str) -> None:
    assert "raw_generic.invoices has no column billing_customer_id, issued_at" in complaint
    assert "Columns found: amount, invoice_id." in complaint


def test_a_missing_required_table_is_named(complaint: str) -> None:
    assert "The table raw_generic.contacts does not exist." in complaint


def test_a_number_is_no_time(complaint: str) -> None:
    assert "attempted_at of raw_generic.payments is of type INTEGER" in complaint


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"crm": "pipedrive"}, "unknown system 'pipedrive'. Accepted for crm: hubspot, generic"),
        ({"sales": "hubspot"}, "unknown domain 'sales'. Domains: crm, billing, events, support"),
    ],
)
def test_an_unknown_source_stops_with_what_is_accepted(
    tmp_path: Path, chosen: dict[str, str], words: str
) -> None:
    with pytest.raises(StrataError, match=words):
        stage(tmp_path / "x.duckdb", BILLING_ALONE | chosen, "2011-12-10")
