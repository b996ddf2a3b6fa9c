"""A history built from the beginning, in a file of its own, and gone on with."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from project import ONLY_BILLING, Project

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
START = datetime(2026, 1, 31)
# An hour and so many days before START each bought for the first time; the window is 30 days.
FIRST_BOUGHT = {"c1": 1, "c28": 28, "c29": 29, "later": -2}
OTHERS = {f"other{number}": 200 for number in range(6)}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A shop whose raw tables are loaded and whose segments were never refreshed."""
    project = Project(tmp_path)
    bought = FIRST_BOUGHT | OTHERS
    project.execute(
        [
            "create schema raw_generic",
            "create table raw_generic.customers (billing_customer_id varchar)",
            "create table raw_generic.landed (invoice_id varchar, billing_customer_id varchar, "
            "issued_at timestamp, amount decimal(18, 2))",
            "create view raw_generic.invoices as select * from raw_generic.landed",
            "insert into raw_generic.customers values "
            + ", ".join(f"('{name}')" for name in bought),
            "insert into raw_generic.landed values "
            + ", ".join(
                f"('{name}', '{name}', timestamp '{START - days * DAY - timedelta(hours=1)}', 10)"
                for name, days in bought.items()
            ),
        ]
    )
    return project


def backfill(project: Project, first: datetime, last: datetime, *options: str) -> tuple[int, str]:
    """Exit code and everything said."""
    done = project.strata(
        "backfill", "--from", f"{first.isoformat()}Z", "--to", f"{last.isoformat()}Z",
        "--every", "1d", "--sources", ONLY_BILLING, *options,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_history_of_a_segment_is_built_aside_and_gone_on_with(
    shop: Project, tmp_path: Path
) -> None:
    into = tmp_path / "aside" / "strata.duckdb"
    into.parent.mkdir()
    options = ("--into", str(into), "--segment", "new_buyers")
    code, said = backfill(shop, START, START + DAY, *options)
    assert code == 0, said
    assert f"2 of 2 instants are in {into}" in said

    # Gone on with: what was refreshed is not refreshed again.
    code, said = backfill(shop, START, START + 2 * DAY, *options)
    assert code == 0, said
    assert "2 of 3 instants are refreshed already" in said
    assert said.count("✓ publishing") == 1

    aside = Project(into.parent)
    stays = aside.rows(
        "select names.identifier_value, valid_from, valid_to "
        "from segments.segment_membership_history as history "
        "inner join identity.customer_identifiers as names "
        "on history.entity_id = names.customer_id order by 1"
    )
    assert stays == [
        ("c1", START, None),
        ("c28", START, START + 2 * DAY),
        ("c29", START, START + DAY),
        ("later", START + 2 * DAY, None),
    ]
    assert aside.rows("select distinct segment_id from segments.segment_verdicts") == [
        ("new_buyers",)
    ]
    untouched = shop.rows("select distinct table_schema from information_schema.tables")
    assert untouched == [("raw_generic",)]

    # A history is built from its beginning, and published history is never rewritten.
    code, said = backfill(shop, START - DAY, START, *options)
    assert code == 2
    assert "holds a history from 2026-01-31T00:00:00Z on" in said
    code, said = backfill(aside, START - DAY, START)
    assert code == 2
    assert "history only grows forward: --from must not be earlier" in said
