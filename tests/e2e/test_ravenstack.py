"""RavenStack, a published data set of a B2B company, through views in the generic shape.

Deliberately dirty: usage under repeated ids, and usage outside its subscription's dates."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from project import Project

pytestmark = pytest.mark.slow

SOURCES = "crm=generic,billing=generic,events=generic,support=generic,survey=none"

# An account is its own contact, billing customer and user: nothing in the data is a person.
VIEWS = """
create schema raw_generic;
create schema ravenstack;

create table ravenstack.accounts as
select * from read_csv('{folder}/ravenstack_accounts.csv.gz', all_varchar = true);
create table ravenstack.subscriptions as
select * from read_csv('{folder}/ravenstack_subscriptions.csv.gz', all_varchar = true);
create table ravenstack.usage as
select * from read_csv('{folder}/ravenstack_feature_usage.csv.gz', all_varchar = true);
create table ravenstack.churn as
select * from read_csv('{folder}/ravenstack_churn_events.csv.gz', all_varchar = true);
create table ravenstack.tickets as
select * from read_csv('{folder}/ravenstack_support_tickets.csv.gz', all_varchar = true);

create view raw_generic.accounts as
select account_id, account_name as name, industry, country, signup_date as created_at
from ravenstack.accounts;

create view raw_generic.contacts as
select
    account_id as contact_id, account_id as user_id, account_id, country,
    referral_source as lead_source, signup_date as created_at
from ravenstack.accounts;

create view raw_generic.customers as
select account_id as billing_customer_id, account_id as contact_id, account_id
from ravenstack.accounts;

create view raw_generic.subscriptions as
select
    subscription_id, account_id as billing_customer_id, plan_tier as plan, seats as quantity,
    mrr_amount as mrr, start_date as started_at, end_date as ended_at,
    case when is_trial = 'TRUE' and end_date is null then 'trialing' end as status
from ravenstack.subscriptions;

create view raw_generic.refunds as
select
    churn_event_id as refund_id, account_id as billing_customer_id,
    refund_amount_usd as amount, churn_date as refunded_at
from ravenstack.churn;

create view raw_generic.events as
select
    usage.usage_id as event_id, usage.usage_date as occurred_at, usage.feature_name as event_name,
    subscriptions.account_id as user_id, subscriptions.account_id, usage.subscription_id
from ravenstack.usage
inner join ravenstack.subscriptions using (subscription_id);

-- Hours are not zero-padded: 2023-07-28 3:00.
create view raw_generic.tickets as
select
    ticket_id, account_id as contact_id, account_id, priority, 'solved' as status,
    submitted_at as created_at,
    strptime(closed_at, '%Y-%m-%d %-H:%M') as solved_at, satisfaction_score as csat_score
from ravenstack.tickets;
"""


@pytest.fixture(scope="module")
def ravenstack(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    """The data set as of the day after it ends."""
    project = Project(tmp_path_factory.mktemp("ravenstack"))
    statements = VIEWS.format(folder=test_data / "ravenstack").split(";")
    project.execute([statement for statement in statements if statement.strip()])
    done = project.strata("refresh", "--as-of", "2025-01-01T00:00:00Z", "--sources", SOURCES)
    assert done.returncode == 0, done.stdout + done.stderr
    (project.folder / "refresh.txt").write_text(" ".join((done.stdout + done.stderr).split()))
    return project


def test_mrr_at_every_month_end_equals_the_oracle(ravenstack: Project, test_data: Path) -> None:
    oracle = test_data / "oracles" / "ravenstack_mrr_month_end.parquet"
    for relation in ("mrr_by_month", "account_mrr_by_month"):
        compared = ravenstack.rows(
            f"""
            select oracle.month, oracle.mrr_eom, ours.mrr
            from '{oracle}' as oracle
            full outer join (
                select month, sum(mrr) as mrr from customer_360.{relation}
                where month < date '2025-01-01' group by month
            ) as ours on cast(oracle.month as date) = ours.month
            """
        )
        assert len(compared) == 24
        assert [row for row in compared if row[1] != row[2]] == []


def test_open_mrr_is_the_same_in_every_table(ravenstack: Project) -> None:
    december = "select sum(mrr) from customer_360.mrr_by_month where month = date '2024-12-01'"
    assert ravenstack.value(december) == Decimal("10159608")
    for query in (
        "select sum(mrr) from customer_360.customer_360",
        "select sum(mrr) from customer_360.account_360",
        "select sum(mrr) from features.feat_accounts__billing",
        "select sum(amount) from customer_360.fct_mrr_movements",
        "select sum(amount) from customer_360.fct_account_mrr_movements",
    ):
        assert ravenstack.value(query) == Decimal("10159608"), query
    churned = ravenstack.value(
        "select count(*) from customer_360.fct_mrr_movements where movement = 'churn'"
    )
    assert churned > 0


# Column of the oracle, and what it is compared with. Left out, as Strata holds no counterpart:
# seats, plan_tier, is_trial and churn_flag of the account as its CRM states them (they contradict
# the subscriptions), the counts inside a usage row, escalations, and hours to resolution.
COMPARED = {
    "oracle.account_name": "accounts.name",
    "lower(oracle.industry)": "accounts.industry",
    "oracle.country": "case accounts.country when 'GB' then 'UK' else accounts.country end",
    "cast(oracle.signup_date as timestamp)": "accounts.created_at",
    "oracle.open_subs": "billing.open_subscription_count",
    "oracle.open_mrr": "billing.mrr",
    "oracle.open_mrr * 12": "billing.arr",
    "oracle.subs": "billing.subscription_count",
    "cast(oracle.last_start as timestamp)": "subscriptions.last_started_at",
    "oracle.usage_rows": "coalesce(events.used, 0) + coalesce(events.turned_away, 0)",
    "coalesce(oracle.tickets, 0)": "coalesce(tickets.tickets, 0)",
    "round(oracle.csat, 6)": "round(tickets.csat, 6)",
    "coalesce(oracle.churn_events, 0)": "coalesce(refunds.refunds, 0)",
    "cast(oracle.last_churn as timestamp)": "refunds.last_refunded_at",
}


def test_accounts_equal_the_oracle(ravenstack: Project, test_data: Path) -> None:
    oracle = test_data / "oracles" / "ravenstack_account360_asof_2025-01-01.parquet"
    ours = """
        from customer_360.account_360 as accounts
        left join features.feat_accounts__billing as billing using (account_id)
        left join (
            select account_id, max(started_at) as last_started_at
            from customer_360.fct_subscriptions group by account_id
        ) as subscriptions using (account_id)
        left join (
            select account_id, count(*) as refunds, max(refunded_at) as last_refunded_at
            from customer_360.fct_refunds group by account_id
        ) as refunds using (account_id)
        left join (
            select account_id, count(*) as tickets, avg(csat_score) as csat
            from staging.stg_support__tickets group by account_id
        ) as tickets using (account_id)
        left join (
            select account_id, count(*) filter (where is_used) as used,
                count(*) filter (where not is_used) as turned_away
            from (
                select account_id, true as is_used from staging.stg_events__events
                union all
                select subscriptions.account_id, false
                from operations.rejected_rows as rejected
                inner join customer_360.fct_subscriptions as subscriptions
                    on subscriptions.subscription_id
                    = split_part(rejected.found, 'subscription_id = ', 2)
                where rejected.entity = 'events'
            ) as every_event group by account_id
        ) as events using (account_id)
        inner join ravenstack.oracle as oracle using (account_id)
    """
    ravenstack.execute(f"create or replace table ravenstack.oracle as select * from '{oracle}'")
    assert ravenstack.value(f"select count(*) {ours}") == 500
    counts = (
        f"count(*) filter (where ({mine}) is distinct from ({theirs}))"
        for theirs, mine in COMPARED.items()
    )
    [found] = ravenstack.rows(f"select {', '.join(counts)} {ours}")
    different = dict(zip(COMPARED, found, strict=True))
    assert {name: count for name, count in different.items() if count} == {}


def test_usage_that_cannot_be_right_is_reported_and_not_used(ravenstack: Project) -> None:
    repeated, outside = ravenstack.rows(
        "select count(*) filter (where reason like '%its id is that of an earlier event%'), "
        "count(*) filter (where reason like '%lies outside the dates of its subscription%') "
        "from operations.rejected_rows where entity = 'events'"
    )[0]
    assert (repeated, outside) == (21, 19432)
    turned_away = ravenstack.value(
        "select count(*) from operations.rejected_rows where entity = 'events'"
    )
    assert ravenstack.value("select count(*) from staging.stg_events__events") == (
        25000 - turned_away
    )
    said = (ravenstack.folder / "refresh.txt").read_text()
    assert "of events.events not used: it lies outside the dates of its subscription" in said


def test_refunds_lower_revenue(ravenstack: Project) -> None:
    revenue = ravenstack.value("select sum(lifetime_revenue) from features.feat_accounts__billing")
    assert revenue == Decimal("-8652.25")
    first = ravenstack.value("select min(month) from customer_360.mrr_by_month")
    assert first == date(2023, 1, 1)
