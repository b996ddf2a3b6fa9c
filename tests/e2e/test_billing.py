"""A small ledger from raw tables to MRR: what counts, what is turned away, what is said of it."""

import re
from datetime import date
from decimal import Decimal

import pytest
from project import Project

pytestmark = pytest.mark.slow

CUSTOMERS = "('ada', 'acme'), ('bob', 'acme'), ('cy', null), ('dee', null)"

# id, customer, plan, quantity, mrr, currency, status, started, ended
SUBSCRIPTIONS = """
    ('ada_1', 'ada', 'team', 2, 20.00, 'USD', null, '2026-01-10', null),
    ('ada_2', 'ada', 'solo', 1, 10.00, 'EUR', null, '2026-02-10', '2026-03-20'),
    ('bob_1', 'bob', 'solo', 1, 10.00, 'USD', null, '2026-01-05', '2026-02-28'),
    ('bob_2', 'bob', 'solo', 1, 10.00, 'USD', null, '2026-04-02', null),
    ('cy_yen', 'cy', 'solo', 1, 2000.00, 'jpy ', null, '2026-01-01', null),
    ('doubloons', 'dee', 'solo', 1, 10.00, 'XDB', null, '2026-01-01', null),
    ('florins', 'dee', 'solo', 1, 10.00, 'XFL', null, '2026-01-01', null),
    ('backwards', 'dee', 'solo', 1, 10.00, 'USD', null, '2026-03-01', '2026-02-01'),
    ('negative', 'dee', 'solo', -1, -10.00, 'USD', null, '2026-03-01', null)
"""

CHANGES = """
    ('ada_1', '2026-01-10', 'solo', 1, 10.00), ('ada_1', '2026-03-05', 'team', 2, 20.00),
    ('ada_1', '2025-12-01', 'solo', 9, 90.00), ('ada_2', '2026-02-10', 'solo', 1, 10.00),
    ('ada_2', '2026-03-20', 'solo', 1, 0.00), ('ada_2', '2026-05-01', 'solo', 9, 90.00),
    ('doubloons', '2026-01-01', 'solo', 1, 10.00), ('backwards', '2026-03-01', 'solo', 1, 10.00),
    ('negative', '2026-03-01', 'solo', 1, 99.00)
"""

INVOICES = """
    ('i1', 'ada', 100.00, 'USD', 'paid', '2026-01-10'),
    ('i2', 'ada', 100.00, 'XDB', 'paid', '2026-01-10'),
    ('i3', 'ada', 30.00, 'USD', 'credit_note', '2026-01-12'),
    ('i4', 'ada', -30.00, 'USD', 'credit_note', '2026-01-12'),
    ('i5', 'bob', 10.00, 'USD', 'open', '2026-01-05'),
    ('i6', 'bob', 10.00, 'USD', 'open', '2026-04-20'),
    ('i6', 'bob', 10.00, 'USD', 'open', '2026-04-20'),
    ('i1', 'eve', 99.00, 'USD', 'paid', '2026-01-05')
"""


def table(name: str, rows: str, *columns: str) -> str:
    """A raw table of literal rows."""
    return (
        f"create table raw_generic.{name} as select * from (values {rows}) as given"
        f" ({', '.join(columns)})"
    )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The ledger, refreshed once; what the refresh said is in refresh.txt."""
    project = Project(tmp_path_factory.mktemp("ledger"))
    project.execute(
        [
            "create schema raw_generic",
            table("customers", CUSTOMERS, "billing_customer_id", "account_id"),
            table(
                "subscriptions", SUBSCRIPTIONS, "subscription_id", "billing_customer_id", "plan",
                "quantity", "mrr", "currency", "status", "started_at", "ended_at",
            ),
            table(
                "subscription_changes", CHANGES, "subscription_id", "changed_at", "plan",
                "quantity", "mrr",
            ),
            table(
                "invoices", INVOICES, "invoice_id", "billing_customer_id", "amount", "currency",
                "status", "issued_at",
            ),
        ]
    )  # fmt: skip
    done = project.strata(
        "refresh", "--as-of", "2026-05-01T00:00:00Z", "--sources",
        "crm=none,billing=generic,events=none,support=none,survey=none",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (project.folder / "refresh.txt").write_text(" ".join((done.stdout + done.stderr).split()))
    return project


def test_rows_that_cannot_be_right_are_listed_with_their_reasons(ledger: Project) -> None:
    found = ledger.rows(
        "select entity, row_key, reason from operations.rejected_rows order by 1, 2, 3"
    )
    no_rate = "the seed exchange_rates has no rate for its currency"
    assert found == [
        ("invoices", "i1", "another row has its invoice_id"),
        ("invoices", "i2", no_rate),
        ("invoices", "i3", "a credit note is not negative"),
        ("subscription_changes", "ada_1", "changes more than a day before its subscription starts"),
        ("subscription_changes", "ada_2", "changes more than a day after its subscription ended"),
        ("subscription_changes", "doubloons", no_rate),
        ("subscriptions", "backwards", "ends before it starts"),
        ("subscriptions", "doubloons", no_rate),
        ("subscriptions", "florins", no_rate),
        ("subscriptions", "negative", "mrr is negative; quantity is negative"),
    ]


def test_a_refresh_counts_what_it_turned_away(ledger: Project) -> None:
    said = (ledger.folder / "refresh.txt").read_text()
    assert (
        "2 of billing.subscriptions not used: the seed exchange_rates has no rate for its currency"
    ) in said
    assert "1 of billing.invoices not used: a credit note is not negative (such as i3)" in said


def test_changes_of_subscriptions_that_were_turned_away_make_no_mrr(ledger: Project) -> None:
    subscriptions = "select distinct subscription_id from customer_360.fct_subscription_periods"
    kept = {name for (name,) in ledger.rows(subscriptions)}
    assert kept == {"ada_1", "ada_2", "bob_1", "bob_2", "cy_yen"}


def owned(ledger: Project, query: str) -> list[tuple[object, ...]]:
    """A query's rows with the billing customer in the place of its customer_id."""
    return ledger.rows(
        f"select ids.identifier_value, found.* exclude (customer_id) from ({query}) as found "
        "inner join identity.customer_identity_map as ids on ids.customer_id = found.customer_id "
        "and ids.identifier_type = 'billing_customer_id' order by all"
    )


def test_mrr_at_month_ends_is_in_both_currencies(ledger: Project) -> None:
    found = owned(
        ledger,
        "select customer_id, currency, month, mrr, mrr_original "
        "from customer_360.mrr_by_month_and_currency where month <= date '2026-03-01'",
    )
    amounts = [
        ("ada", "EUR", 2, "10.80", "10.00"),
        ("ada", "USD", 1, "10.00", "10.00"),
        ("ada", "USD", 2, "10.00", "10.00"),
        ("ada", "USD", 3, "20.00", "20.00"),
        ("bob", "USD", 1, "10.00", "10.00"),
        ("cy", "JPY", 1, "13.40", "2000.00"),
        ("cy", "JPY", 2, "13.40", "2000.00"),
        ("cy", "JPY", 3, "13.40", "2000.00"),
    ]
    assert found == [
        (who, currency, date(2026, month, 1), Decimal(mrr), Decimal(original))
        for who, currency, month, mrr, original in amounts
    ]


def test_movements_are_named_and_netted_by_customer_and_account(ledger: Project) -> None:
    customers = owned(
        ledger,
        "select customer_id, month, movement, amount from customer_360.fct_mrr_movements "
        "where customer_id not in (select customer_id from customer_360.mrr_by_month_and_currency"
        " where currency = 'JPY')",
    )
    assert customers == [
        ("ada", date(2026, 1, 1), "new", Decimal("10.00")),
        ("ada", date(2026, 2, 1), "expansion", Decimal("10.80")),
        ("ada", date(2026, 3, 1), "contraction", Decimal("-0.80")),
        ("bob", date(2026, 1, 1), "new", Decimal("10.00")),
        ("bob", date(2026, 2, 1), "churn", Decimal("-10.00")),
        ("bob", date(2026, 4, 1), "reactivation", Decimal("10.00")),
    ]
    accounts = ledger.rows(
        "select month, movement, amount from customer_360.fct_account_mrr_movements "
        "where account_id = 'acme' order by month"
    )
    assert accounts == [
        (date(2026, 1, 1), "new", Decimal("20.00")),
        (date(2026, 2, 1), "expansion", Decimal("0.80")),
        (date(2026, 3, 1), "contraction", Decimal("-0.80")),
        (date(2026, 4, 1), "expansion", Decimal("10.00")),
    ]


def test_revenue_and_overdue_invoices_count_in_one_account(ledger: Project) -> None:
    found = ledger.rows(
        "select account_id, mrr, lifetime_revenue, paying_customer_count, overdue_invoice_count, "
        "overdue_amount from features.feat_accounts__billing"
    )
    assert found == [("acme", Decimal("30.00"), Decimal("90.00"), 2, 1, Decimal("10.00"))]


def test_the_checks_see_what_they_are_for(
    ledger: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = ledger.copy(tmp_path_factory.mktemp("broken") / "copy")
    broken.execute(
        [
            "delete from customer_360.fct_mrr_movements where movement = 'churn'",
            "update customer_360.fct_account_mrr_movements set amount = amount + 1",
            "delete from customer_360.mrr_by_month_and_currency where currency = 'EUR'",
            "update customer_360.fct_subscription_periods set valid_to = timestamp '2026-03-06' "
            "where valid_to = timestamp '2026-03-05'",
            "update customer_360.fct_subscriptions set mrr = 1 where subscription_id = 'bob_1'",
        ]
    )
    variables = (
        "{as_of: '2026-05-01', demo_data: false, strata_sources: {crm: none, billing: generic,"
        " events: none, support: none, survey: none}}"
    )
    checks = (
        "movements_add_up_fct_mrr_movements_ref_mrr_by_month_",
        "movements_add_up_fct_account_mrr_movements",
        "movements_add_up_fct_mrr_movements_by_currency",
        "mrr_is_the_same_however_it_is_added_up",
        "subscription_periods_follow_each_other",
        "subscriptions_pay_what_their_periods_say",
    )
    done = broken.dbt("test", "--select", *(f"{name}*" for name in checks), "--vars", variables)
    failed = {name for name in checks if re.search(rf"Failure in test {name}", done.stdout)}
    assert failed == set(checks), done.stdout[-3000:]
