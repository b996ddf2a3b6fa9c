"""The demo company's warehouse in June 2026, as a refresh of each hour would find it.

What segments read (360s, identities, the state of the sources) is computed for an instant from the
raw rows of the committed demo, in SQL; the segment engine itself is the project's own models.
`month_walk` says what happens in the month.
"""

import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from month_walk import (
    ACCOUNT_MERGES,
    DAY,
    HOUR,
    ODD_ITEMS_MISSING,
    OUTAGE,
    START,
    TRUTH,
    Raw,
)
from project import PROJECT_DIR
from replay import RecordingDbt, Script

from orchestration.project import utc_now

# All of the engine but the findings, which nothing here reads.
MODELS = ["path:models/segments", "segment_decisions", "source_volume"], ["segment_findings"]
CONTROL_DAYS = 5  # dbt itself runs at the midnight of every fifth day
SEGMENT = """
{{% macro segment__{name}() %}}
    {{{{- return(segment(
        label='{name}', description='Test.', type='value', owner='ann@shop.example',
        conditions={{'rule': {rule}}}, {more}
    )) -}}}}
{{% endmacro %}}
"""
# Two of these, champions and at_risk_paying, are those that the project makes audiences of.
DEFINITIONS = {
    "champions": ("'c.mrr >= 20'", "priority_group='tier', priority=1"),
    "paying": ("'c.mrr > 0'", "priority_group='tier', priority=2, max_change=0.1"),
    "active_users": ("'c.active_days_last_7 > 0'", "requires=['events']"),
    "at_risk_paying": (
        "'c.mrr > 0 and ' ~ days_since('c.last_seen_at') ~ ' >= 14'",
        "requires=['events'], max_change=0.3",
    ),
    "active_champions": ("in_segment('champions') ~ ' and ' ~ in_segment('active_users')", ""),
    "big_accounts": ("'a.mrr >= 40'", "entity='account', max_change=0.3"),
}
REDEFINED = ("'c.mrr >= 19'", "priority_group='tier', priority=1")

RAW = {
    "stripe": ["customer", "price", "subscription_history", "subscription_item"],
    "segment": ["tracks"],
    "hubspot": ["contact"],
}
# The landed events, once for the month: what the tracker missed arrives when it is back.
DELIVERIES = f"""
create table raw_segment.deliveries as
select
    id,
    min_by(user_id, received_at) as user_id,
    min_by("timestamp", received_at) as occurred_at,
    min(received_at) as on_time_at,
    case
        when min(received_at) >= timestamp '{OUTAGE[0]}'
            and min(received_at) < timestamp '{OUTAGE[1]}'
            then timestamp '{OUTAGE[1]}'
        else min(received_at)
    end as arrived_at
from raw_segment.tracks
group by id
"""
# What each subscription would pay a month while it runs, everybody at the list price in dollars.
ITEMS = """
create table raw.items as
select
    item.subscription_id,
    cast(substr(item.id, 4) as integer) % 2 = 1 as is_odd,
    item.quantity * cast(round(
        price.unit_amount / 100.0 / if(price.recurring_interval = 'year', 12, 1), 2
    ) as decimal(18, 2)) as mrr
from raw_stripe.subscription_item as item
inner join raw_stripe.price on price.id = regexp_replace(item.plan_id, '[a-z]+$', 'usd')
"""
# Identities, accounts and what people pay and did at the instant $now. A customer of
# Stripe that is tied to its person later is a customer of its own before.
LANDED = {
    "identity.identity_assignments": """
        select 'user_id:' || user_id as node, 'user_id' as identifier_type, person as customer_id,
            cast(null as timestamp) as valid_from, cast(null as timestamp) as valid_to,
            cast(null as varchar) as end_reason
        from raw.people where billing_customer_id in (select billing_customer_id from raw.ties)
        union all
        select 'billing_customer_id:' || customer.id, 'billing_customer_id',
            case when ties.tied_at > customer.created then customer.id else people.person end,
            customer.created, case when ties.tied_at <= $now then ties.tied_at end,
            case when ties.tied_at <= $now then 'merged' end
        from raw.people
        inner join raw_stripe.customer on people.billing_customer_id = customer.id
        left join raw.ties on customer.id = ties.billing_customer_id
        where customer.created <= $now
        union all
        select 'billing_customer_id:' || customer.id, 'billing_customer_id', people.person,
            ties.tied_at, null, null
        from raw.people
        inner join raw_stripe.customer on people.billing_customer_id = customer.id
        inner join raw.ties on customer.id = ties.billing_customer_id
        where ties.tied_at > customer.created and ties.tied_at <= $now
    """,
    "identity.int_identity__merges": """
        select 'account' as object, merged_id, surviving_id, merged_at
        from raw.account_merges where merged_at <= $now
    """,
    "customer_360.customer_360": """
        with states as (
            select id as subscription_id, customer_id, arg_max(status, _fivetran_start) as status
            from raw_stripe.subscription_history where _fivetran_start <= $now group by all
        ),
        spent as (
            select states.customer_id as billing_customer_id, sum(items.mrr) as mrr
            from states inner join raw.items on states.subscription_id = items.subscription_id
            where states.status in ('active', 'past_due') and not (
                items.is_odd and $now >= $odd_items_missing_from and $now < $odd_items_missing_to
            )
            group by all
        ),
        did as (
            select
                user_id,
                count(distinct case
                    when cast(occurred_at as date) > cast($now - interval 1 second as date) - 7
                        and cast(occurred_at as date) <= cast($now - interval 1 second as date)
                        then cast(occurred_at as date)
                end) as active_days_last_7,
                max(occurred_at) as last_seen_at
            from raw_segment.deliveries where arrived_at <= $now group by user_id
        ),
        billed as (
            select customer.id, coalesce(ties.tied_at > $now, false) as is_apart
            from raw_stripe.customer
            left join raw.ties on customer.id = ties.billing_customer_id
            where customer.created <= $now
        ),
        known as (
            select
                people.person as customer_id,
                coalesce(account_merges.surviving_id, people.account_id) as account_id,
                billed.id as billing_customer_id,
                did.active_days_last_7,
                did.last_seen_at
            from raw.people
            left join billed on people.billing_customer_id = billed.id and not billed.is_apart
            left join did on people.user_id = did.user_id
            left join raw_hubspot.contact
                on people.contact_id = contact.id and contact.property_createdate <= $now
            left join raw.account_merges
                on people.account_id = account_merges.merged_id and account_merges.merged_at <= $now
            where billed.id is not null or did.user_id is not null or contact.id is not null
            union all
            select id, null, id, 0, null from billed where is_apart
        )
        select
            known.customer_id,
            known.account_id,
            cast(coalesce(spent.mrr, 0) as decimal(18, 2)) as mrr,
            cast(coalesce(known.active_days_last_7, 0) as integer) as active_days_last_7,
            known.last_seen_at
        from known left join spent on known.billing_customer_id = spent.billing_customer_id
    """,
    "customer_360.account_360": """
        select account_id, cast(sum(mrr) as decimal(18, 2)) as mrr
        from customer_360.customer_360 where account_id is not null group by account_id
    """,
    "customer_360.customer_accounts": """
        select customer_id, account_id, 'crm' as source, cast(null as timestamp) as valid_to
        from customer_360.customer_360 where account_id is not null
    """,
    "staging.stg_events__arrivals": """
        select id as event_id, user_id, occurred_at, arrived_at,
            cast(null as varchar) as reject_reason
        from raw_segment.deliveries where arrived_at <= $now
    """,
    "operations.source_freshness": """
        select 'segment' as source_system, table_name,
            cast($events_hours_behind as decimal(18, 2)) as hours_behind, 24 as error_after_hours,
            if($events_hours_behind > 24, 'error', 'pass') as status
        from (values ('tracks'), ('pages'), ('identifies')) as tables (table_name)
    """,
}
EMPTY = {
    "identity.customer_identifiers": "identifier_type varchar, identifier_value varchar, "
    "customer_id varchar",
    "staging.stg_crm__manual_overrides": "segment_id varchar, entity_id varchar, email varchar, "
    'action varchar, "by" varchar, reason varchar, until timestamp',
    "reference.learned_bounds": "segment_id varchar, weekday integer, hour integer, "
    "fewest bigint, most bigint",
    "operations.column_profiles": "run_id varchar, as_of timestamp, relation_name varchar, "
    "column_name varchar, bucket varchar, row_count bigint",
    "operations.rejected_rows": "domain varchar, entity varchar",
    "operations.expectation_results": "run_id varchar, as_of timestamp, suite varchar, "
    "segment_id varchar, relation_name varchar, expectation_type varchar, column_name varchar, "
    "is_success boolean, "
    "severity varchar, expected varchar, observed_value varchar, exception_message varchar, "
    "affects varchar",
    "customer_360.fct_daily_activity": "customer_id varchar",
    "customer_360.fct_customer_events": "customer_id varchar",
    "staging.stg_crm__contacts": "loaded_at timestamp",
    "staging.stg_billing__invoices": "loaded_at timestamp",
    "staging.stg_support__tickets": "loaded_at timestamp",
    "staging.stg_survey__responses": "loaded_at timestamp",
}


@dataclass
class Month:
    """The warehouse, refreshed hour by hour. `folder` holds it, `sources` the project."""

    folder: Path
    sources: Path
    dbt: RecordingDbt
    script: Script | None = None
    by_dbt: list[datetime] = field(default_factory=list)
    replayed: list[datetime] = field(default_factory=list)
    is_clean: bool = False  # nothing goes wrong at the sources

    def __post_init__(self) -> None:
        self.path = self.folder / "strata.duckdb"
        self.warehouse = duckdb.connect(str(self.path))

    def load_raw(self, raw: Raw) -> None:
        """The raw rows, and what the month adds to them."""
        execute = self.warehouse.execute
        for system, tables in RAW.items():
            execute(f"create schema raw_{system}")
            for table in tables:
                file = PROJECT_DIR / "seeds/demo" / f"{system}__{table}.csv"
                execute(
                    f"create table raw_{system}.{table} as "
                    f"select * from read_csv('{file}', types = {{'id': 'varchar'}})"
                )
        execute("create schema raw")
        execute(ITEMS)
        execute(DELIVERIES)
        execute(
            "create table raw.people as select person, account_id, contact_id, user_id, "
            f"billing_customer_id from read_csv('{TRUTH}', all_varchar = true)"
        )
        if self.is_clean:
            execute("update raw_segment.deliveries set arrived_at = on_time_at")
            execute("update raw.items set is_odd = false")
        execute("create table raw.ties (billing_customer_id varchar, tied_at timestamp)")
        self.warehouse.executemany("insert into raw.ties values (?, ?)", list(raw.ties.items()))
        execute(
            "create table raw.account_merges "
            "(merged_id varchar, surviving_id varchar, merged_at timestamp)"
        )
        merges = [(gone, kept, at) for at, (gone, kept) in ACCOUNT_MERGES.items()]
        self.warehouse.executemany("insert into raw.account_merges values (?, ?, ?)", merges)
        for schema in {table.partition(".")[0] for table in [*LANDED, *EMPTY]}:
            execute(f"create schema {schema}")
        for table, columns in EMPTY.items():
            execute(f"create table {table} ({columns})")

    def land(self, now: datetime) -> None:
        """What a refresh of the instant would leave for the segments to read."""
        is_out = OUTAGE[0] <= now < OUTAGE[1] and not self.is_clean
        given = {
            "now": now,
            "odd_items_missing_from": ODD_ITEMS_MISSING[0],
            "odd_items_missing_to": ODD_ITEMS_MISSING[1],
            "events_hours_behind": (now - OUTAGE[0]) / HOUR if is_out else 0,
        }
        self.warehouse.execute("begin")
        for table, query in LANDED.items():
            used = {name: value for name, value in given.items() if f"${name}" in query}
            self.warehouse.execute(f"create or replace table {table} as {query}", used)
        self.warehouse.execute("commit")

    def redefine(self) -> None:
        """The file of champions is edited; parsing everything again would take ten seconds."""
        file, text = segment_file("champions", *REDEFINED)
        (self.sources / file).write_text(text)
        self.dbt = self.dbt.with_new_macros({file: text})
        self.script = None

    def refresh(self, now: datetime) -> None:
        """One refresh: by dbt where there is nothing to repeat yet and every fifth day."""
        self.land(now)
        is_control = (now - START) % (CONTROL_DAYS * DAY) == timedelta(0)
        if self.script is not None and not is_control:
            self.script.run(self.warehouse, now, run_id(now), utc_now())
            self.replayed.append(now)
            return
        script = self.dbt.recorded_run(*MODELS, now, run_id(now))
        self.by_dbt.append(now)
        if now > START:  # the first run makes the tables and is like no other
            assert self.script in (None, script), now
            self.script = script

    def check_against_dbt(self, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replays the hour, and lets dbt run it from the same start: the outcome is the same."""
        self.warehouse.execute("checkpoint")
        twin = self.folder / f"twin of {run_id(now)}" / self.path.name
        twin.parent.mkdir()
        shutil.copy(self.path, twin)
        self.refresh(now)
        assert self.replayed[-1] == now
        with monkeypatch.context() as patch, duckdb.connect(str(twin)) as warehouse:
            patch.setenv("STRATA_DUCKDB_PATH", str(twin))
            other = Month.__new__(Month)
            other.warehouse = warehouse
            other.land(now)
            assert self.dbt.recorded_run(*MODELS, now, run_id(now)) == self.script, now
            assert other.history() == self.history(), now
            assert other.verdicts(run_id(now)) == self.verdicts(run_id(now)), now

    def check_again(self, now: datetime) -> None:
        """The instant run again by dbt changes nothing, and judges as before."""
        history, judged = self.history(), self.verdicts(run_id(now))
        again = f"{run_id(now)} again"
        assert self.dbt.recorded_run(*MODELS, now, again) == self.script, now
        assert self.history() == history, now
        assert self.verdicts(again) == judged, now

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.warehouse.execute(sql).fetchall()

    def history(self) -> list[tuple[Any, ...]]:
        """Every stay, with everything that is recorded of it."""
        return self.rows("select * from segments.segment_membership_history order by all")

    def verdicts(self, run: str) -> list[tuple[Any, ...]]:
        """All that a run said about the segments, but not when it was started."""
        return self.rows(
            "select * exclude (run_id, run_started_at) from segments.segment_verdicts "
            f"where run_id = '{run}' order by all"
        )


def run_id(now: datetime) -> str:
    return f"run {(now - START) // HOUR:03}"


def segment_file(name: str, rule: str, more: str) -> tuple[str, str]:
    """The path and the text of a segment's file; what it is given is Jinja."""
    return f"macros/segments/value/{name}.sql", SEGMENT.format(name=name, rule=rule, more=more)
