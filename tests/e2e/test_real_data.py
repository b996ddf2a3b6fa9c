"""Published data through the steps of docs/bring-your-own-data.md, against independent results."""

import os
import re
from pathlib import Path

import duckdb
import pytest
from project import ONLY_BILLING, PROJECT_DIR, Project

PAGE = (PROJECT_DIR / "docs" / "bring-your-own-data.md").read_text()


def sql_of_the_page(data_set: str) -> str:
    """The block of the page that reads a data set."""
    [block] = [
        block for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if data_set in block
    ]
    return str(block)


def follow_the_page(folder: Path, data: Path, as_of: str) -> Project:
    folder.mkdir(exist_ok=True)
    (folder / data.name).symlink_to(data)
    project = Project(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        with duckdb.connect(str(project.duckdb)) as connection:
            connection.execute(sql_of_the_page(data.name))
    finally:
        os.chdir(before)
    assert f"--as-of {as_of}" in PAGE
    assert ONLY_BILLING in PAGE
    project.refresh(as_of)
    return project


@pytest.fixture(scope="module")
def online_retail(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    return follow_the_page(
        tmp_path_factory.mktemp("online_retail"),
        test_data / "online_retail" / "online_retail.parquet",
        "2011-12-10T00:00:00Z",
    )


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    return follow_the_page(
        tmp_path_factory.mktemp("cdnow"),
        test_data / "cdnow" / "cdnow_master.parquet",
        "1998-07-01T00:00:00Z",
    )


def differences_in_rfm(project: Project, oracle: Path, key: str) -> list[tuple[object, ...]]:
    """Customers whose recency, frequency or monetary value is not the oracle's, or who are
    in one of the two only."""
    return project.rows(
        f"""
        with ours as (
            select cast(identifiers.identifier_value as bigint) as customer, customers.*
            from customer_360.customer_360 as customers
            inner join identity.customer_identity_map as identifiers
                on customers.customer_id = identifiers.customer_id
                and identifiers.identifier_type = 'billing_customer_id'
            where customers.rfm_frequency is not null
        )
        select coalesce(ours.customer, oracle.{key}), ours.rfm_monetary, oracle.monetary
        from ours
        full outer join '{oracle}' as oracle on ours.customer = oracle.{key}
        where ours.rfm_recency_days is distinct from oracle.recency_days
            or ours.rfm_frequency is distinct from oracle.n_orders
            or ours.rfm_monetary is distinct from cast(oracle.monetary as decimal(18, 2))
        """
    )


def test_online_retail_rfm_equals_the_oracle(online_retail: Project, test_data: Path) -> None:
    oracle = test_data / "oracles" / "online_retail_rfm_gross_asof_2011-12-10.parquet"
    assert differences_in_rfm(online_retail, oracle, "CustomerID") == []
    assert (
        online_retail.value("select count(rfm_recency_days) from customer_360.customer_360") == 4338
    )


def test_online_retail_revenue_is_net_of_cancellations(
    online_retail: Project, test_data: Path
) -> None:
    oracle = test_data / "oracles" / "online_retail_customer_net.parquet"
    differences = online_retail.value(
        f"""
        select count(*)
        from customer_360.customer_360 as customers
        inner join identity.customer_identity_map as identifiers
            on customers.customer_id = identifiers.customer_id
        full outer join '{oracle}' as oracle
            on identifiers.identifier_value = cast(oracle.CustomerID as varchar)
        where customers.lifetime_revenue is distinct from cast(oracle.net_revenue as decimal(18, 2))
        """
    )
    assert differences == 0


def test_segments_of_buyers_are_published_and_the_others_say_why_not(
    online_retail: Project,
) -> None:
    verdicts = dict(online_retail.rows("select segment_id, verdict from segments.segment_verdicts"))
    sizes = dict(
        online_retail.rows(
            "select segment_id, count(*) from segments.segment_membership group by segment_id"
        )
    )
    assert {name for name, verdict in verdicts.items() if verdict == "publish"} == set(sizes)
    assert {"champions", "rfm_at_risk", "new_buyers"} <= set(sizes)
    shown = online_retail.strata("segments").stdout
    why = r"not evaluated \(requires events, switched off \(none\) in strata_sources\): "
    assert re.search(why + r".*\bactive_four_days_a_week\b", shown)
    assert "│ active_four_days_a_week" not in shown
    assert re.search(r"│ champions +│ customers +│ +9\d\d ", shown)


def test_cdnow_rfm_equals_the_oracle(cdnow: Project, test_data: Path) -> None:
    oracle = test_data / "oracles" / "cdnow_rfm_asof_1998-07-01.parquet"
    assert differences_in_rfm(cdnow, oracle, "customer_id") == []
    assert cdnow.value("select sum(rfm_frequency) from customer_360.customer_360") == 69659
