"""IBM's telecom customers: a snapshot without events and without a single date."""

import csv
import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from project import Project, edited_sources

AS_OF = "2020-01-01T00:00:00Z"
SOURCES = "crm=generic,billing=generic,events=none,support=none,survey=none"

# A subscription must have started some time: as many months before the instant as the customer
# has been one. TotalCharges is handed on as the text it is, blanks included.
VIEWS = """
    create schema raw_generic;

    create table raw_generic.telco as
    select *, timestamp '2020-01-01' - to_months(cast(tenure as integer)) as joined_at
    from read_csv('{file}', all_varchar = true);

    create view raw_generic.contacts as
    select
        customerID as contact_id,
        gender,
        case when Partner = 'Yes' then 'partnered' else 'single' end as marital_status,
        case when SeniorCitizen = '1' then 'senior citizen' end as persona
    from raw_generic.telco;

    create view raw_generic.customers as
    select customerID as billing_customer_id, customerID as contact_id from raw_generic.telco;

    create view raw_generic.subscriptions as
    select
        customerID as subscription_id,
        customerID as billing_customer_id,
        Contract as plan,
        MonthlyCharges as mrr,
        joined_at as started_at,
        case when Churn = 'Yes' then timestamp '2019-12-31' end as ended_at
    from raw_generic.telco;

    create view raw_generic.invoices as
    select
        'total-' || customerID as invoice_id,
        customerID as billing_customer_id,
        TotalCharges as amount,
        timestamp '2019-12-31' as issued_at
    from raw_generic.telco;
"""

SEGMENT = """
{{% macro segment__{name}() %}}
    {{{{- return(segment(
        label='{name}',
        description='Of the telecom customers.',
        type='{type}',
        owner='analytics@telco.example',
        requires=['{domain}'],
        conditions={{'is one': "{condition}"}},
    )) -}}}}
{{% endmacro %}}
"""
SEGMENTS = {
    "macros/segments/demographic/senior_citizens.sql": SEGMENT.format(
        name="senior_citizens",
        type="demographic",
        domain="crm",
        condition="c.persona = 'senior_citizen'",
    ),
    "macros/segments/value/month_to_month.sql": SEGMENT.format(
        name="month_to_month",
        type="value",
        domain="billing",
        condition="lower(c.plan) = 'month-to-month'",
    ),
}


@pytest.fixture(scope="module")
def customers(test_data: Path) -> list[dict[str, str]]:
    with gzip.open(test_data / "telco" / "telco_customer_churn.csv.gz", "rt", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def telco(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    folder = tmp_path_factory.mktemp("telco")
    project = Project(folder, sources=edited_sources(folder / "sources", SEGMENTS))
    with duckdb.connect(str(project.duckdb)) as connection:
        connection.execute(VIEWS.format(file=test_data / "telco" / "telco_customer_churn.csv.gz"))
    done = project.strata("refresh", "--as-of", AS_OF, "--sources", SOURCES)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "refresh.txt").write_text(done.stderr)
    return project


def test_everybody_is_one_customer_of_both_systems(
    telco: Project, customers: list[dict[str, str]]
) -> None:
    genders = dict(
        telco.rows("select lower(gender), count(*) from customer_360.customer_360 group by 1")
    )
    assert sum(genders.values()) == 7043
    assert genders == Counter(row["gender"].lower() for row in customers)


def test_segments_are_as_large_as_the_file_says(
    telco: Project, customers: list[dict[str, str]]
) -> None:
    sizes = dict(
        telco.rows("select segment_id, count(*) from segments.segment_membership group by 1")
    )
    assert sizes["senior_citizens"] == sum(row["SeniorCitizen"] == "1" for row in customers)
    assert sizes["month_to_month"] == sum(
        row["Contract"] == "Month-to-month" and row["Churn"] == "No" for row in customers
    )


def test_monthly_charges_of_those_who_stayed_are_the_mrr(
    telco: Project, customers: list[dict[str, str]]
) -> None:
    assert telco.value("select sum(mrr) from customer_360.customer_360") == sum(
        Decimal(row["MonthlyCharges"]) for row in customers if row["Churn"] == "No"
    )


def test_a_blank_total_is_no_invoice_and_is_reported(
    telco: Project, customers: list[dict[str, str]]
) -> None:
    totals = {row["customerID"]: row["TotalCharges"].strip() for row in customers}
    blank = {customer for customer, total in totals.items() if not total}
    assert len(blank) == 11
    rejected = telco.rows("select entity, row_key, reason from operations.rejected_rows")
    assert {entity for entity, _, _ in rejected} == {"invoices"}
    assert {reason for _, _, reason in rejected} == {"it has no amount"}
    assert {key.removeprefix("total-") for _, key, _ in rejected} == blank
    said = (telco.folder / "refresh.txt").read_text()
    assert "11 of billing.invoices not used: it has no amount" in said
    revenue = {
        customer: (purchases, amount)
        for customer, purchases, amount in telco.rows(
            """
            select identifiers.identifier_value, purchase_count, lifetime_revenue
            from customer_360.customer_360 as customers
            inner join identity.customer_identity_map as identifiers
                on customers.customer_id = identifiers.customer_id
                and identifiers.identifier_type = 'contact_id'
            """
        )
    }
    assert revenue == {
        customer: (0, 0) if customer in blank else (1, Decimal(total))
        for customer, total in totals.items()
    }


def test_no_events_means_never_seen(telco: Project) -> None:
    assert telco.rows(
        "select distinct session_count, active_days_last_28, last_seen_at "
        "from customer_360.customer_360"
    ) == [(0, 0, None)]


def test_dbts_own_freshness_check_passes_tables_that_are_not_there(telco: Project) -> None:
    done = telco.dbt(
        "source", "freshness", "--vars", "{strata_sources: {crm: generic, billing: generic}}"
    )
    assert done.returncode == 0, done.stdout
    assert "raw_generic.deals does not exist" in done.stdout
    assert "raw_generic.invoices has no column loaded_at" in done.stdout
    assert "hubspot" not in done.stdout
