"""MRR of the demo company at every month end, against a reading of its raw Stripe files that
shares nothing with the project: no staging, no SQL."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from project import PROJECT_DIR, Project

SEEDS = PROJECT_DIR / "seeds" / "demo"
CENT = Decimal("0.01")
DECIMALS = {"JPY": 0, "KWD": 3}
MONTHS_OF = {"month": 1, "year": 12}


def raw(table: str) -> Iterator[dict[str, str]]:
    """The rows of one raw file."""
    with (SEEDS / f"stripe__{table}.csv").open(newline="") as lines:
        yield from csv.DictReader(lines)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def month_ends() -> Iterator[datetime]:
    """The first instant of each month after the one that ends."""
    for number in range(1, 19):
        yield datetime(2025 + number // 12, number % 12 + 1, 1)


@pytest.fixture(scope="module")
def expected() -> dict[tuple[str, str], Decimal]:
    """MRR in dollars by subscription and month, from what its invoices charge: the last regular
    line that began before the month was over, unless it had ended or was given up by then."""
    with (PROJECT_DIR / "seeds" / "reference" / "exchange_rates.csv").open(newline="") as lines:
        rates = {row["currency"]: Decimal(row["usd_per_unit"]) for row in csv.DictReader(lines)}
    months_of = {row["id"]: MONTHS_OF[row["recurring_interval"]] for row in raw("price")}
    void = {row["id"] for row in raw("invoice") if row["status"] in ("void", "draft")}
    charges: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for line in raw("invoice_line_item"):
        if line["proration"] == "true" or line["invoice_id"] in void:
            continue
        currency = line["currency"].upper()
        amount = Decimal(line["amount"]).scaleb(-DECIMALS.get(currency, 2))
        monthly = rounded(amount / months_of[line["plan_id"]])
        dollars = rounded(monthly * rates[currency])
        charges[line["subscription_id"]].append((at(line["period_start"]), dollars))
    stopped: dict[str, datetime] = {}
    for version in raw("subscription_history"):
        if version["status"] in ("canceled", "unpaid"):
            when = at(version["ended_at"] or version["_fivetran_start"])
            stopped[version["id"]] = min(when, stopped.get(version["id"], when))
    found = {}
    for subscription, lines_of in charges.items():
        for end in month_ends():
            begun = [charge for charge in lines_of if charge[0] < end]
            if begun and not stopped.get(subscription, end) < end and max(begun)[1] > 0:
                month = (end.year * 12 + end.month - 2) // 12, (end.month - 2) % 12 + 1
                found[subscription, f"{month[0]}-{month[1]:02}-01"] = max(begun)[1]
    return found


def test_mrr_equals_what_the_invoices_say(
    demo: Project, expected: dict[tuple[str, str], Decimal]
) -> None:
    periods = demo.rows(
        """
        select subscription_id, cast(month as varchar), mrr
        from customer_360.int_subscriptions__mrr_by_month
        where month < date '2026-07-01'
        """
    )
    ours = {(subscription, month): mrr for subscription, month, mrr in periods}
    known = {
        name for (name,) in demo.rows("select subscription_id from customer_360.fct_subscriptions")
    }
    theirs = {key: mrr for key, mrr in expected.items() if key[0] in known}
    assert len(theirs) > 2000
    assert ours == theirs


def test_only_test_accounts_are_missing(
    demo: Project, expected: dict[tuple[str, str], Decimal]
) -> None:
    known = {
        name for (name,) in demo.rows("select subscription_id from customer_360.fct_subscriptions")
    }
    owners = {row["id"]: row["customer_id"] for row in raw("subscription_history")}
    missing = {owners[name] for name, _ in expected if name not in known}
    tests = demo.rows(
        "select identifier_value from identity.customer_identity_map "
        "where is_test and identifier_type = 'billing_customer_id'"
    )
    assert missing <= {name for (name,) in tests}


def test_the_running_month_is_what_customer_360_says(demo: Project) -> None:
    customers, months, movements = (
        demo.value(query)
        for query in (
            "select sum(mrr) from customer_360.customer_360",
            "select sum(mrr) from customer_360.mrr_by_month where month = date '2026-07-01'",
            "select sum(amount) from customer_360.fct_mrr_movements",
        )
    )
    assert customers == months == movements > 0
