"""Sessions of published data against the sessions that its publishers counted."""

from pathlib import Path

import pytest
from project import Project

pytestmark = pytest.mark.slow

SOURCES = "{crm: none, billing: none, events: generic, support: none, survey: none}"


def sessions_of(folder: Path, view: str, as_of: str) -> Project:
    """A project over a view raw_generic.events, with the tables that the tests look at."""
    project = Project(folder)
    project.execute(["create schema raw_generic", f"create view raw_generic.events as {view}"])
    done = project.dbt(
        "build",
        "--select", "+fct_sessions", "+fct_daily_activity", "+int_events__rejected",
        "stg_events__events", "feat_customers__technology",
        "--exclude", "resource_type:test", "resource_type:unit_test",
        "--vars", f"{{as_of: '{as_of}', demo_data: false, strata_sources: {SOURCES}}}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return project


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    """The clickstream of a shop, which carries neither ids of events nor times of arrival."""
    file = test_data / "retentioneering_ecom" / "ecom.csv.gz"
    view = f"""
        select
            row_number() over (order by user_id, timestamp, event) as event_id,
            timestamp as occurred_at,
            event as event_name,
            user_id,
            session_id,
            platform as device
        from read_csv('{file}')
    """
    return sessions_of(tmp_path_factory.mktemp("shop"), view, "2024-07-01")


def test_the_shops_sessions_are_its_publishers(shop: Project) -> None:
    """The publisher cut sessions at pauses of 30 minutes, too."""
    assert shop.value("select count(*) from customer_360.fct_sessions") == 3605
    differences = shop.rows(
        """
        with theirs as (
            select
                user_id,
                min(occurred_at) as started_at,
                max(occurred_at) as ended_at,
                count(*) as event_count
            from raw_generic.events
            group by user_id, session_id
        ),

        ours as (
            select users.identifier_value as user_id, started_at, ended_at, event_count
            from customer_360.fct_sessions as sessions
            inner join identity.customer_identifiers as users
                on sessions.customer_id = users.customer_id and users.identifier_type = 'user_id'
        )

        (from ours except all from theirs) union all (from theirs except all from ours)
        """
    )
    assert differences == []


def test_the_shops_events_are_all_counted(shop: Project) -> None:
    assert shop.value("select count(*) from staging.stg_events__events") == 31_106
    assert shop.value("select sum(event_count) from customer_360.fct_daily_activity") == 31_106
    assert shop.value("select count(*) from features.int_events__rejected") == 0


def both_loads(test_data: Path) -> str:
    """The events of both loads, as a relation."""
    folder = test_data / "dbtlabs_snowplow"
    files = [f"{folder}/sp_event.csv.gz", f"{folder}/sp_event_update.csv.gz"]
    return f"read_csv({files}, union_by_name = true)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    """Two loads of a web site's events. The browser's clock is the one with pauses in it."""
    view = f"""
        select
            event_id,
            dvce_created_tstamp as occurred_at,
            event_name,
            nullif(user_id, 'NULL') as user_id,
            domain_userid as anonymous_id,
            domain_sessionid as session_id,
            dvce_type as device,
            os_name as os,
            br_family as browser,
            app_id as app
        from {both_loads(test_data)}
    """
    return sessions_of(tmp_path_factory.mktemp("site"), view, "2018-01-02")


def test_the_sites_sessions_are_the_expected_ones(site: Project, test_data: Path) -> None:
    """The definitions agree in what a session is (30 minutes, on the tracker's clock) and in who
    had it (a browser's later user counts for its earlier sessions). They differ in the clock that
    is shown: expected starts and ends are the collector's, in New York, so they are looked up by
    the events that fall into each of our sessions."""
    expected = test_data / "dbtlabs_snowplow" / "snowplow_sessions_expected.csv.gz"
    assert site.value("select count(*) from customer_360.fct_sessions") == 5
    differences = site.rows(
        f"""
        with collected as (
            select
                event_id,
                collector_tstamp at time zone 'UTC' at time zone 'America/New_York' as collected_at
            from {both_loads(test_data)}
        ),

        ours as (
            select
                events.session_id,
                coalesce(users.identifier_value, sessions.anonymous_id) as person,
                min(collected.collected_at) as started_at,
                max(collected.collected_at) as ended_at
            from customer_360.fct_sessions as sessions
            left join identity.customer_identifiers as users
                on sessions.customer_id = users.customer_id and users.identifier_type = 'user_id'
            inner join staging.stg_events__events as events
                on sessions.anonymous_id = events.anonymous_id
                and events.occurred_at between sessions.started_at and sessions.ended_at
            inner join collected on events.event_id = collected.event_id
            group by all
        ),

        theirs as (
            select
                session_id,
                inferred_user_id as person,
                session_start as started_at,
                session_end as ended_at
            from read_csv('{expected}', timestampformat = '%Y-%m-%d %-H:%M:%S')
        )

        (from ours except all from theirs) union all (from theirs except all from ours)
        """
    )
    assert differences == []


def test_the_sites_people_use_a_computer(site: Project) -> None:
    """Snowplow's word for a desktop is Computer."""
    found = site.rows(
        "select has_used_desktop_last_28, has_used_mobile_last_28, primary_os_last_28, "
        "device_count_last_28 from features.feat_customers__technology"
    )
    assert found == [(True, False, "Mac OS X", 1)] * 3
