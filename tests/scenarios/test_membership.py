"""A small shop, stepped through time: who is a member, since when, and what a bad hour does.

The expected members are computed here, from the purchases, one customer at a time.
"""

import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from project import ONLY_BILLING, PROJECT_DIR, Project

from orchestration.dbt import Dbt
from orchestration.project import parse_sources

DAY = timedelta(days=1)
START = datetime(2026, 1, 31)
RULE = "macros/segments/value/new_buyers.sql"


@dataclass
class Shop:
    """Customers by name with the times they bought; `run` is one refresh, by dbt alone."""

    project: Project
    dbt: Dbt
    purchases: dict[str, list[datetime]] = field(default_factory=dict)

    def load(self) -> None:
        customers = [f"('{name}')" for name in self.purchases]
        invoices = [
            f"('{name}-{at:%Y%m%d%H}', '{name}', timestamp '{at}')"
            for name, times in self.purchases.items()
            for at in times
        ]
        self.project.execute(
            [
                "create schema if not exists raw_generic",
                "create or replace table raw_generic.customers (billing_customer_id varchar)",
                "create or replace table raw_generic.invoices "
                "(invoice_id varchar, billing_customer_id varchar, issued_at timestamp, "
                "amount decimal(18, 2) default 10)",
                *(
                    [f"insert into raw_generic.customers values {', '.join(customers)}"]
                    if customers
                    else []
                ),
                *(
                    [
                        "insert into raw_generic.invoices "
                        "(invoice_id, billing_customer_id, issued_at) values " + ", ".join(invoices)
                    ]
                    if invoices
                    else []
                ),
            ]
        )

    def run(self, as_of: datetime) -> None:
        self.load()
        self.dbt.run("run", exclude=["path:models/activation+"], as_of=str(as_of))

    def new_buyers(self, as_of: datetime) -> set[str]:
        """Whose first purchase lies in the 30 days that end with the instant."""
        return {
            name
            for name, times in self.purchases.items()
            if any(at <= as_of for at in times)
            and min(at for at in times if at <= as_of) > as_of - 30 * DAY
        }

    def published(self) -> set[str]:
        """The published members of the segment, by name."""
        return {
            name
            for (name,) in self.project.rows(
                "select names.identifier_value from segments.segment_membership as members "
                "inner join identity.customer_identifiers as names "
                "on members.entity_id = names.customer_id where segment_id = 'new_buyers'"
            )
        }

    def published_ids(self) -> int:
        """How many are published, whether or not they are still known."""
        count = self.project.value(
            "select count(*) from segments.segment_membership where segment_id = 'new_buyers'"
        )
        return int(count)

    def stays(self, name: str) -> list[tuple[object, ...]]:
        """The stays of one customer in the segment, retracted ones included."""
        return self.project.rows(
            "select valid_from, valid_to, entry_reason, exit_reason "
            "from segments.segment_membership_history where segment_id = 'new_buyers' "
            f"and entity_id = 'cus_' || substring(md5('billing_customer_id:{name}') from 1 for 20) "
            "order by valid_from"
        )

    def verdict(self) -> tuple[object, ...]:
        """Verdict and reasons of the segment at the last run."""
        [row] = self.project.rows(
            "select verdict, reasons from segments.segment_verdicts "
            "where segment_id = 'new_buyers' order by run_started_at desc, as_of desc limit 1"
        )
        return row


@pytest.fixture(scope="module")
def first_hour(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A warehouse with the reference seeds and sixty customers, of whom twenty bought in the last
    20 days and one 45 days ago, after a first run."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_DUCKDB_PATH", str(folder / "strata.duckdb"))
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        variables = {"strata_sources": parse_sources(ONLY_BILLING), "demo_data": False}
        dbt = Dbt("duckdb", variables)
        dbt.run("seed", select=["path:seeds/reference"])
        shop = Shop(Project(folder), dbt, {f"c{i}": [] for i in range(60)})
        for i in range(20):
            shop.purchases[f"c{i}"] = [START - (i + 1) * DAY]
        shop.purchases["c50"] = [START - 45 * DAY]
        shop.run(START)
    shop.project.execute("checkpoint")  # so that the file has it all
    return shop


@pytest.fixture
def shop(first_hour: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A copy of it."""
    shutil.copy(first_hour.project.duckdb, tmp_path / "strata.duckdb")
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "strata.duckdb"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    purchases = {name: list(times) for name, times in first_hour.purchases.items()}
    return Shop(Project(tmp_path), first_hour.dbt, purchases)


def test_members_come_and_go_and_a_bad_hour_changes_nothing(shop: Shop) -> None:
    assert shop.published() == shop.new_buyers(START) == {f"c{i}" for i in range(20)}

    # Two buy for the first time; the purchase of c19, 20 days old, leaves the window on day 10.
    shop.purchases["c30"] = [START + DAY]
    shop.purchases["c31"] = [START + 2 * DAY]
    second = START + 10 * DAY
    shop.run(second)
    assert shop.published() == shop.new_buyers(second)
    assert shop.stays("c30") == [(second, None, "condition_met", None)]
    assert shop.stays("c19") == [(START, second, "condition_met", "condition_no_longer_met")]

    # The load failed overnight: no rows. The segment is held with its members.
    before, everything = shop.published(), shop.purchases
    shop.purchases = {}
    shop.run(second + DAY)
    assert shop.published_ids() == len(before)
    assert shop.verdict() == ("hold", "0 members, fewer than the minimum of 1")

    # The load is back, and one customer was erased meanwhile.
    shop.purchases = {name: times for name, times in everything.items() if name != "c31"}
    third = second + 2 * DAY
    shop.run(third)
    assert shop.published() == shop.new_buyers(third)
    assert shop.stays("c31") == [(second, third, "condition_met", "entity_gone")]


def test_an_instant_run_again_over_corrected_rows_is_as_if_run_once(shop: Shop) -> None:
    shop.purchases["c40"] = [START + DAY]
    later = START + 2 * DAY
    shop.run(later)
    assert "c40" in shop.published()

    # The purchase of c40 was a mistake, c41 was missing, c0 had not bought at all.
    shop.purchases |= {"c40": [], "c41": [START + DAY], "c0": []}
    shop.run(later)
    assert shop.published() == shop.new_buyers(later)
    assert shop.stays("c40") == [(later, later, "condition_met", "condition_no_longer_met")], (
        "retracted: a stay of no length"
    )
    assert shop.stays("c0") == [(START, later, "condition_met", "condition_no_longer_met")]

    # And back again: the stays are those of the first run.
    shop.purchases |= {"c40": [START + DAY], "c41": [], "c0": [START - DAY]}
    shop.run(later)
    assert shop.published() == shop.new_buyers(later)
    assert shop.stays("c40") == [(later, None, "condition_met", None)]
    assert shop.stays("c0") == [(START, None, "condition_met", None)]
    log = "select count(*) from segments.segment_changes where segment_id = 'new_buyers' "
    assert shop.project.value(log + "and change = 'exited'") == 0


def test_a_changed_rule_is_told_apart_from_changed_customers(shop: Shop) -> None:
    assert "c50" not in shop.published()

    wider = (PROJECT_DIR / RULE).read_text()
    for text, wider_text in (
        ("'c.first_purchase_at', 30", "'c.first_purchase_at', 60"),
        ("days_ago(30)", "days_ago(60)"),
    ):
        assert text in wider
        wider = wider.replace(text, wider_text)
    shop.dbt = shop.dbt.with_macros({RULE: wider})
    shop.run(START + DAY)
    assert shop.stays("c50") == [(START + DAY, None, "definition_changed", None)]
    assert shop.stays("c0") == [(START, None, "condition_met", None)]
    versions = shop.project.value(
        "select count(*) from segments.segment_definition_history where segment_id = 'new_buyers'"
    )
    assert versions == 2

    # The file is deleted: its members leave, and their history stays.
    shop.dbt = shop.dbt.with_macros({RULE: None})
    shop.run(START + 2 * DAY)
    assert shop.published() == set()
    assert shop.stays("c0") == [(START, START + 2 * DAY, "condition_met", "definition_changed")]


def test_a_jump_beyond_the_bound_is_held_with_its_numbers(shop: Shop) -> None:
    for i in range(20, 45):
        shop.purchases[f"c{i}"] = [START + DAY]
    shop.run(START + 2 * DAY)
    verdict, reasons = shop.verdict()
    assert verdict == "hold"
    assert "45 of 60 customers, more than the largest share of 50.0%" in str(reasons)
    assert (
        "25 would enter and 0 leave of 20 members, more than the largest change of 100.0%"
        in str(reasons)
    )
    assert len(shop.published()) == 20
