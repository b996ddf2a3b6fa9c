"""Staging on hand-made raw tables: what each adapter makes of them, now and at an instant past."""

import json
from pathlib import Path

import pytest
from staging_kit import Raw, Staged, at, land, money, stage, text

from orchestration.errors import StrataError

pytestmark = pytest.mark.slow

NATIVE = {
    "crm": "hubspot",
    "billing": "stripe",
    "events": "segment",
    "support": "zendesk",
    "survey": "qualtrics",
}
SURVEYS = {"SV_welcome": "welcome", "SV_quarter": "csat", "SV_quarter.QID9": "needs"}


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
    "raw_stripe.plan": [
        text(id="solo_old", nickname="Old Solo", currency="usd", interval="month")
        | {"amount": "700", "interval_count": "1"},
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
    "raw_stripe.subscription": [
        subscription("sub_year", "canceled", start_date="2026-01-01", ended_at="2026-02-01"),
        subscription("sub_current", "active", start_date="2026-01-01"),
    ],
    "raw_stripe.subscription_item": [
        item("sub_current", "solo_old"),
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
        invoice("in_3", created="2026-03-15", total="1900", subtotal="1900",
                payment_intent_id="pi_1"),
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
        text(id="ch_declined", customer_id="cus_1", payment_intent_id="pi_1", amount="1900",
             currency="usd", status="failed", created="2026-03-15"),
        text(id="ch_again", customer_id="cus_1", payment_intent_id="pi_1", amount="1900",
             currency="usd", status="succeeded", created="2026-03-16"),
        text(id="ch_reserved", customer_id="cus_1", amount="1900", currency="usd",
             status="succeeded", created="2026-03-15") | {"captured": "false"},
    ],
    "raw_stripe.payment_intent": [
        text(id="pi_1", customer_id="cus_1", currency="usd", status="succeeded",
             created="2026-03-15") | {"amount": "1900", "amount_received": "1900"},
        text(id="pi_alone", customer_id="cus_1", currency="jpy", status="succeeded",
             created="2026-03-15") | {"amount": "500", "amount_received": "400"},
        text(id="pi_declined", customer_id="cus_1", currency="usd",
             status="requires_payment_method", created="2026-03-15",
             last_payment_error_code="card_declined") | {"amount": "1900"},
        text(id="pi_left", customer_id="cus_1", currency="usd", status="requires_payment_method",
             created="2026-03-15") | {"amount": "1900"},
    ],
    "raw_stripe.refund": [
        text(id="re_intent", payment_intent_id="pi_alone", amount="400", currency="jpy",
             status="succeeded", created="2026-04-01"),
        text(id="re_1", charge_id="ch_1", amount="1080", currency="usd", status="succeeded",
             created="2026-02-01"),
        text(id="re_failed", charge_id="ch_1", amount="1080", currency="usd", status="failed",
             created="2026-02-01"),
    ],
    "raw_stripe.credit_note": [
        text(id="cn_1", invoice_id="in_2", total="540", currency="usd", created="2026-02-20"),
        text(id="cn_paid_out", invoice_id="in_1", total="1080", currency="usd", refund_id="re_1",
             created="2026-02-01"),
        text(id="cn_test", invoice_id="in_2", total="540", currency="usd", created="2026-02-20")
        | {"livemode": "false"},
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
        text(id="6", property_createdate="2026-01-01"),
        text(id="7", property_createdate="2026-01-01"),
        text(id="8", property_createdate="2026-01-01"),
        text(id="9", property_createdate="2026-01-01"),
        text(id="10", property_createdate="2026-01-01"),
        text(id="11", property_createdate="2026-01-01", property_hs_merged_object_ids="12; 13"),
        text(id="12", property_createdate="2026-01-01"),
        text(id="14", property_createdate="2026-01-01", property_email="no@example.com",
             property_phone="", property_mobilephone="+44 20 7946 0000",
             property_lastmodifieddate="2026-03-01") | {"property_hs_email_optout": "true"},
        text(id="15", property_createdate="2026-01-01", property_email="never@example.com",
             property_lastmodifieddate="2026-07-09") | {"property_hs_email_optout": "true"},
    ],
    "raw_hubspot.contact_merge_audit": [
        text(contact_id="1", canonical_vid="1", vid_to_merge="5", timestamp="2026-02-01"),
        # 7 into 6 into 1, which is there; 8, 9 and 10 in a circle; 4 into one that is gone.
        text(contact_id="6", canonical_vid="6", vid_to_merge="7", timestamp="2026-02-01"),
        text(contact_id="1", canonical_vid="1", vid_to_merge="6", timestamp="2026-02-02"),
        text(contact_id="9", canonical_vid="9", vid_to_merge="8", timestamp="2026-02-01"),
        text(contact_id="10", canonical_vid="10", vid_to_merge="9", timestamp="2026-02-02"),
        text(contact_id="8", canonical_vid="8", vid_to_merge="10", timestamp="2026-02-03"),
        text(contact_id="3", canonical_vid="3", vid_to_merge="4", timestamp="2026-06-01"),
        # After the 16th of March.
        text(contact_id="11", canonical_vid="11", vid_to_merge="12", timestamp="2026-04-01"),
    ],
    "raw_hubspot.contact_company": [
        text(contact_id="1", company_id="c0", type_id="279"),
        text(contact_id="1", company_id="c1", type_id="1"),
    ],
    "raw_hubspot.contact_property_history": [
        text(contact_id="14", name="hs_email_optout", value="true", timestamp="2026-02-20"),
    ],
    "raw_hubspot.email_event": [
        text(id="e1", recipient="quiet@example.com", created="2026-01-05"),
        text(id="e2", recipient="bounced@example.com", created="2026-01-05"),
    ],
    "raw_hubspot.email_event_status_change": [
        text(id="e1", portal_subscription_status="UNSUBSCRIBED") | {"bounced": "false"},
        text(id="e2", portal_subscription_status="UNSUBSCRIBED") | {"bounced": "true"},
        text(id="unknown", portal_subscription_status="UNSUBSCRIBED") | {"bounced": "false"},
    ],
    "raw_hubspot.merged_deal": [text(deal_id="d_won", merged_deal_id="d_twin")],
    "raw_hubspot.company": [
        text(id="c1", property_name="Ada Ltd", property_annualrevenue="",
             property_domain="ada.example", property_hs_merged_object_ids="c9"),
        text(id="c9", property_name="Ada Limited"),
        text(id="c2", property_name="Bob GmbH", property_domain="Bob.example "),
    ],
    "raw_hubspot.deal": [
        text(deal_id="d_won", deal_pipeline_stage_id="won", property_amount="100",
             property_deal_currency_code="EUR", property_createdate="2026-01-01",
             property_closedate="2026-04-01"),
        text(deal_id="d_twin", deal_pipeline_stage_id="won", property_createdate="2026-01-01"),
        text(deal_id="d_open", deal_pipeline_stage_id="talk", property_amount="50",
             property_createdate="2026-01-01", property_closedate="2026-02-01"),
    ],
    "raw_hubspot.deal_pipeline_stage": [
        text(stage_id="won", pipeline_id="p", label="Closed won")
        | {"closed_won": "true", "is_closed": "true"},
        text(stage_id="talk", pipeline_id="p", label="Talking")
        | {"closed_won": "false", "is_closed": "false"},
        text(stage_id="talk", pipeline_id="q", label="Talking again")
        | {"closed_won": "false", "is_closed": "false"},
    ],
    "raw_hubspot.deal_contact": [text(deal_id="d_won", contact_id="1")],
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
    "raw_segment.screens": [text(id="s1", timestamp="2026-01-01", name="Home", user_id="u1")],
    "raw_segment.identifies": [
        text(id="i1", timestamp="2026-01-01", email="ada@example.com", user_id="u1",
             first_name="Ada", company=None),
        text(id="i2", timestamp="2026-01-01", context_traits_email="bob@example.com"),
    ],
    "raw_segment.groups": [
        text(id="g1", timestamp="2026-01-01", user_id="u1", group_id="c1", name="Ada Ltd"),
    ],
}  # fmt: skip


def change(ticket: str, value: str, updated: str) -> dict[str, str]:
    return text(ticket_id=ticket, field_name="status", value=value, updated=updated)


ZENDESK: Raw = {
    "raw_zendesk.ticket": [
        text(id="1", requester_id="10", status="solved", created_at="2026-01-01"),
        text(id="2", requester_id="10", status="open", created_at="2026-01-01"),
        text(id="3", requester_id="10", status="deleted", created_at="2026-01-01"),
        text(id="4", requester_id="11", organization_id="o2", status="on-hold",
             created_at="2026-01-01", merged_ticket_ids="[5, 6]"),
        text(id="5", requester_id="11", status="closed", created_at="2026-01-01",
             merged_ticket_ids="[]"),
        text(id="7", requester_id="11", organization_id="o3", status="solved",
             created_at="2026-01-01"),
    ],
    "raw_zendesk.organization": [
        text(id="o1", external_id="c1"),
        text(id="o2", external_id="not an account"),
        text(id="o3"),
    ],
    "raw_zendesk.domain_name": [
        text(organization_id="o2", domain_name="bob.example"),
        text(organization_id="o3", domain_name="bob.example"),
        text(organization_id="o3", domain_name="ada.example"),
    ],
    "raw_zendesk.user": [
        text(id="10", email="ada@example.com", role="end-user", external_id="u1",
             organization_id="o1"),
        text(id="11", email="bob@example.com", role="end-user"),
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
        text(ticket_id="7", field_name="satisfaction_score", value="offered", updated="2026-02-01"),
        text(ticket_id="7", field_name="satisfaction_score", value="bad", updated="2026-02-02"),
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
}  # fmt: skip


def answer(response_id: str, question_id: str, **columns: str) -> dict[str, str]:
    return text(response_id=response_id, question_id=question_id, **columns)


def response(name: str, survey: str, finished: int = 1, **columns: str) -> dict[str, str]:
    defaults = {"status": "0", "recipient_email": "ada@example.com", "end_date": "2026-02-01"}
    row = text(id=name, survey_id=survey, **(defaults | columns))
    return row | {"finished": f"cast({finished} as bigint)"}


QUALTRICS: Raw = {
    "raw_qualtrics.survey": [
        text(id="SV_year", survey_name="Relationship 2026"),
        text(id="SV_quarter", survey_name="Quarter"),
        text(id="SV_welcome", survey_name="Hello"),
        text(id="SV_leave", survey_name="Exit survey"),
        text(id="SV_other", survey_name="Existing snacks"),
    ],
    "raw_qualtrics.question": [
        text(id="QID1", survey_id="SV_year", selector="NPS", question_text="Recommend us?"),
        text(id="QID2", survey_id="SV_year", selector="SAVR", question_text="Team size?"),
    ],
    "raw_qualtrics.survey_response": [
        response("R_1", "SV_year"),
        response("R_open", "SV_year", finished=0),
        response("R_preview", "SV_year", status="1"),
        response("R_later", "SV_year", end_date="2026-07-02"),
        response("R_2", "SV_quarter", end_date="2026-02-01T10:00:00+02:00"),
        response("R_3", "SV_welcome", recipient_email=""),
        response("R_4", "SV_leave"),
        response("R_5", "SV_other"),
    ],
    "raw_qualtrics.question_response": [
        answer("R_1", "QID1", value="9", text="9"),
        answer("R_1", "QID2", value="2", text="11 to 50"),
        answer("R_open", "QID1", value="9"),
        answer("R_preview", "QID1", value="9"),
        answer("R_later", "QID1", value="9"),
        answer("R_2", "QID3", value="4", text="Good", question="How was it?"),
        answer("R_2", "QID3", value="4", text="Good", question="How was it?"),
        answer("R_2", "QID5", value="2", text="Weekly"),
        answer("R_2", "QID8", text="Keep going"),
        answer("R_2", "QID9", value="1,3", text="Speed"),
        answer("R_3", "QID1", text="Get paid faster"),
        answer("R_4", "QID1", sub_question_key="1", sub_question_text="Price", value="5"),
        answer("R_4", "QID1", sub_question_key="2", sub_question_text="Bugs", value="1"),
        answer("R_5", "QID1", value="1"),
        answer("R_gone", "QID1", value="1"),
    ],
    "raw_qualtrics.distribution_contact": [text(contact_id="CID_1", response_id="R_3")],
    "raw_qualtrics.directory_contact": [text(id="CID_1", email="bob@example.com")],
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
    land(path, {**STRIPE, **HUBSPOT, **SEGMENT, **ZENDESK, **QUALTRICS, **GENERIC_BESIDE})
    return path


@pytest.fixture(scope="module")
def now(native_file: Path) -> Staged:
    return stage(native_file, NATIVE, "2026-07-01T00:00:00Z", qualtrics_surveys=SURVEYS)


@pytest.fixture(scope="module")
def march(native_file: Path) -> Staged:
    """The same raw tables as of 16 March."""
    return stage(native_file, NATIVE, "2026-03-16T00:00:00Z", qualtrics_surveys=SURVEYS)


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


@pytest.mark.parametrize("name", ["cn_void", "cn_paid_out", "cn_test"])
def test_a_credit_note_that_is_void_paid_out_as_a_refund_or_a_test_does_not_count(
    now: Staged, name: str
) -> None:
    assert now("stg_billing__invoices", name) == []


def test_a_refund_gives_back_what_the_invoice_counted(now: Staged) -> None:
    row = now.one("stg_billing__refunds", "re_1")
    assert (row["amount"], row["billing_customer_id"]) == (money("9.00"), "cus_1")
    assert now("stg_billing__refunds", "re_failed") == []


def test_a_payment_known_as_charge_and_as_intent_is_one_payment(now: Staged) -> None:
    found = {
        r["payment_id"]: (r["status"], r["amount_original"], r["invoice_id"])
        for r in now["stg_billing__payments"]
    }
    assert found == {
        "ch_1": ("succeeded", money("10.80"), "in_1"),
        "ch_4": ("succeeded", money("57.00"), "in_4"),
        "ch_declined": ("failed", money("19.00"), "in_3"),
        "ch_again": ("succeeded", money("19.00"), "in_3"),
        "ch_reserved": ("pending", money("19.00"), None),
        "pi_alone": ("succeeded", money("400.00"), None),
        "pi_declined": ("failed", money("19.00"), None),
    }


def test_an_invoice_is_paid_by_the_charge_of_its_intent(now: Staged) -> None:
    assert now.one("stg_billing__invoices", "in_3")["paid_at"] == at("2026-03-16")


def test_a_refund_of_an_intent_finds_its_customer(now: Staged) -> None:
    row = now.one("stg_billing__refunds", "re_intent")
    assert (row["payment_id"], row["billing_customer_id"]) == ("pi_alone", "cus_1")


def test_a_subscription_without_versions_is_read_in_its_current_state(now: Staged) -> None:
    row = now.one("stg_billing__subscriptions", "sub_current")
    assert (row["plan"], row["mrr"], row["status"]) == ("old solo", money("7.00"), "active")
    assert now.one("stg_billing__subscriptions", "sub_year")["status"] == "active"


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
    assert {r["contact_id"] for r in now["stg_crm__contacts"]} >= {"1", "2", "4"}
    assert {"3", "5"}.isdisjoint(r["contact_id"] for r in now["stg_crm__contacts"])
    assert march("stg_crm__contacts", "4") == []


def test_a_chain_of_merges_leaves_its_last_contact(now: Staged) -> None:
    assert [len(now("stg_crm__contacts", key)) for key in ("7", "6", "1")] == [0, 0, 1]


def test_a_circle_of_merges_loses_nobody(now: Staged) -> None:
    assert [len(now("stg_crm__contacts", key)) for key in ("8", "9", "10")] == [1, 1, 1]


def test_a_contact_merged_into_one_that_is_gone_stays(now: Staged) -> None:
    assert len(now("stg_crm__contacts", "4")) == 1


def test_a_contact_is_there_until_the_day_it_is_merged(now: Staged, march: Staged) -> None:
    assert [len(s("stg_crm__contacts", "12")) for s in (march, now)] == [1, 0]


def test_merges_come_from_the_audit_and_from_the_surviving_record(
    now: Staged, march: Staged
) -> None:
    merges = {
        (r["object"], r["merged_id"], r["surviving_id"]): r["merged_at"]
        for r in now["stg_crm__merges"]
    }
    assert len(merges) == len(now["stg_crm__merges"]) == 10
    assert merges[("contact", "12", "11")] == at("2026-04-01")
    assert merges[("contact", "13", "11")] is None
    assert merges[("account", "c9", "c1")] is None
    assert march("stg_crm__merges", "12") == []


def test_a_company_or_deal_that_was_merged_is_left_out(now: Staged) -> None:
    assert {r["account_id"] for r in now["stg_crm__accounts"]} == {"c1", "c2"}
    assert now("stg_crm__deals", "d_twin") == []


def test_a_contact_belongs_to_its_primary_company(now: Staged) -> None:
    assert now.one("stg_crm__contacts", "1")["account_id"] == "c1"


def test_a_mobile_number_is_used_where_there_is_no_other(now: Staged) -> None:
    assert now.one("stg_crm__contacts", "14")["phone"] == "+44 20 7946 0000"


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
    found = {r["email"]: r["status"] for r in now["stg_crm__consents"] if not r["contact_id"]}
    assert found == {
        "in@example.com": "granted",
        "out@example.com": "denied",
        "quiet@example.com": "denied",
    }


def test_a_contact_that_opted_out_is_denied_since_its_history_says_so(
    now: Staged, march: Staged
) -> None:
    for staged, unknown in ((now, "2026-07-01"), (march, "2026-03-16")):
        denied = {
            r["contact_id"]: (r["status"], r["recorded_at"])
            for r in staged["stg_crm__consents"]
            if r["contact_id"]
        }
        assert denied == {
            "14": ("denied", at("2026-02-20")),
            "15": ("denied", at(unknown)),
        }


def test_what_a_system_does_not_carry_is_read_from_the_generic_table(now: Staged) -> None:
    row = now.one("stg_crm__enrichment", "industry")
    assert (row["value"], row["source_system"]) == ("Mathematics", "generic")


def test_the_first_delivery_of_an_event_counts_and_its_zone_is_honoured(now: Staged) -> None:
    row = now.one("stg_events__events", "t1")
    assert (row["user_id"], row["occurred_at"]) == ("u1", at("2026-01-01 08:00:00"))


def test_segments_calls_are_events_until_the_instant(now: Staged) -> None:
    found = {r["event_id"]: r["event_name"] for r in now["stg_events__events"]}
    assert found == {
        "t1": "signed_up",
        "p1": "page_viewed",
        "s1": "screen_viewed",
        "i1": "identified",
        "i2": "identified",
        "g1": "grouped",
    }


def test_identifies_and_groups_carry_traits(now: Staged) -> None:
    person = now.one("stg_events__events", "i1")
    assert json.loads(person["properties"])["first_name"] == "Ada"
    assert now.one("stg_events__events", "i2")["email"] == "bob@example.com"
    assert now.one("stg_events__events", "i2")["properties"] is None
    group = now.one("stg_events__events", "g1")
    assert (group["account_id"], group["user_id"]) == ("c1", "u1")
    assert json.loads(group["properties"])["name"] == "Ada Ltd"


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


def test_a_ticket_that_is_deleted_or_merged_into_another_is_left_out(now: Staged) -> None:
    assert {r["ticket_id"] for r in now["stg_support__tickets"]} == {"1", "2", "4", "7"}


@pytest.mark.parametrize(
    ("ticket", "account"),
    [
        pytest.param("1", "c1", id="external id of the requester's organization"),
        pytest.param("4", "c2", id="domain of the ticket's organization"),
        pytest.param("7", None, id="domains of two accounts"),
    ],
)
def test_a_ticket_is_of_the_account_that_its_organization_is(
    now: Staged, ticket: str, account: str | None
) -> None:
    assert now.one("stg_support__tickets", ticket)["account_id"] == account


def test_the_external_id_of_a_requester_is_the_products_user(now: Staged) -> None:
    assert now.one("stg_support__tickets", "1")["user_id"] == "u1"


def test_a_ticket_on_hold_is_on_hold(now: Staged) -> None:
    assert now.one("stg_support__tickets", "4")["status"] == "hold"


def test_a_rating_is_read_from_the_fields_history_too(now: Staged) -> None:
    assert now.one("stg_support__tickets", "7")["csat_score"] == money("1.00")


def test_answers_of_qualtrics_have_the_kind_of_their_question_or_survey(now: Staged) -> None:
    found = {
        r["response_id"]: (r["kind"], r["score"], r["answer"], r["email"])
        for r in now["stg_survey__responses"]
    }
    assert found == {
        "R_1.QID1": ("nps", money("9.00"), "9", "ada@example.com"),
        "R_2.QID3": ("csat", money("4.00"), "Good", "ada@example.com"),
        "R_2.QID9": ("needs", None, "Speed", "ada@example.com"),
        "R_3.QID1": ("welcome", None, "Get paid faster", "bob@example.com"),
        "R_4.QID1.1": ("exit", None, "5", "ada@example.com"),
        "R_4.QID1.2": ("exit", None, "1", "ada@example.com"),
    }


def test_an_answer_is_given_when_the_response_was_finished_in_utc(now: Staged) -> None:
    row = now.one("stg_survey__responses", "R_2.QID3")
    assert (row["responded_at"], row["question"]) == (at("2026-02-01 08:00"), "How was it?")


SPARSE: Raw = {
    "raw_hubspot.contact": [text(id="1")],
    "raw_stripe.customer": [text(id="cus_1")],
    "raw_stripe.subscription": [
        text(id="sub_1", customer_id="cus_1", status="active", start_date="2026-01-01"),
    ],
    "raw_stripe.subscription_item": [item("sub_1", "solo")],
    "raw_stripe.plan": [
        text(id="solo", currency="kwd", interval="year") | {"amount": "120000"},
    ],
    "raw_stripe.payment_intent": [
        text(id="pi_1", customer_id="cus_1", currency="usd", amount="100", status="succeeded",
             created="2026-01-01"),
    ],
    "raw_segment.tracks": [text(id="t1", event="signed_up", timestamp="2026-01-01")],
    "raw_zendesk.ticket": [
        text(id="1", requester_id="10", status="open", created_at="2026-01-01"),
    ],
    "raw_zendesk.user": [text(id="10")],
    "raw_qualtrics.survey_response": [text(id="R_1", survey_id="SV_1", end_date="2026-01-01")],
    "raw_qualtrics.question_response": [
        text(response_id="R_1", question_id="QID1", value="10"),
    ],
}  # fmt: skip


def test_the_tables_that_a_team_lacks_are_read_as_empty_and_named_once(tmp_path: Path) -> None:
    land(tmp_path / "x.duckdb", SPARSE)
    notes: list[str] = []
    staged = stage(
        tmp_path / "x.duckdb", NATIVE, "2026-07-01", notes=notes, qualtrics_surveys={"QID1": "nps"}
    )
    assert {name: len(rows) for name, rows in staged.items() if rows} == {
        "stg_crm__contacts": 1,
        "stg_billing__customers": 1,
        "stg_billing__subscriptions": 1,
        "stg_billing__subscription_changes": 1,
        "stg_billing__payments": 1,
        "stg_events__events": 1,
        "stg_support__tickets": 1,
        "stg_survey__responses": 1,
    }
    row = staged.one("stg_billing__subscriptions", "sub_1")
    assert (row["mrr_original"], row["plan"]) == (money("10.00"), "solo")
    absent = [note for note in notes if note.endswith("read as empty")]
    assert len(absent) == 6
    assert (
        "raw_stripe.charge, credit_note, invoice, invoice_line_item, price, product, refund, "
        "subscription_history do not exist and are read as empty"
    ) in absent


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


def test_generic_changes_take_their_subscriptions_currency_and_merges_count_once(
    tmp_path: Path,
) -> None:
    tables: Raw = {
        "raw_generic.customers": [text(billing_customer_id="1")],
        "raw_generic.subscriptions": [
            text(subscription_id="s", billing_customer_id="1", mrr="100", currency="EUR",
                 started_at="2026-01-01", trial_ends_at="2026-08-01"),
        ],
        "raw_generic.subscription_changes": [
            text(subscription_id="s", changed_at="2026-01-01", mrr="100"),
        ],
        "raw_generic.contacts": [text(contact_id="1")],
        "raw_generic.merges": [
            text(object="Contact ", merged_id="2", surviving_id="1", merged_at="2026-01-01"),
            text(object="contact", merged_id="2", surviving_id="1", merged_at=None),
            text(object="contact", merged_id="1", surviving_id="1", merged_at=None),
        ],
    }  # fmt: skip
    land(tmp_path / "x.duckdb", tables)
    staged = stage(tmp_path / "x.duckdb", BILLING_ALONE | {"crm": "generic"}, "2026-07-01")
    merge = staged.one("stg_crm__merges", "2")
    assert (merge["object"], merge["merged_at"]) == ("contact", at("2026-01-01"))
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


def test_a_kind_of_survey_that_is_none_stops_with_what_is_accepted(tmp_path: Path) -> None:
    words = "qualtrics_surveys calls SV_1 'smile'. Accepted: nps, csat, ces, welcome, needs, exit"
    with pytest.raises(StrataError, match=words):
        stage(
            tmp_path / "x.duckdb",
            BILLING_ALONE | {"survey": "qualtrics"},
            "2011-12-10",
            qualtrics_surveys={"SV_1": "smile"},
        )
