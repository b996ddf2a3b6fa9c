{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}
{%- set mobile = "('mobile', 'smartphone', 'phone', 'ios', 'android')" -%}
{%- set desktop = "('desktop', 'computer', 'laptop')" -%}

with actor_days as (
    select * from {{ ref('int_events__actor_days') }}
    where coalesce(device, os, browser, app) is not null
),

visitors as (
    {{ touched_visitors(computed_for()) }}
),

actor_customers as (
    select
        given.*,
        visitors.batch
    from {{ ref('int_events__actor_customers') }} as given
    inner join visitors on given.customer_id = visitors.visitor
),

used as (
    select
        actor_customers.customer_id,
        actor_customers.anonymous_id,
        actor_days.device,
        actor_days.os,
        actor_days.browser,
        actor_days.app,
        sum(case when {{ calendar_window('actor_days.activity_on', 28) }} then actor_days.event_count else 0 end)
            as event_count_last_28,
        min(actor_days.first_at) as first_at,
        max(actor_days.last_at) as last_at,
        max(actor_customers.batch) as batch
    from actor_days
    inner join actor_customers on actor_days.actor_id = actor_customers.actor_id
    where actor_customers.counts_from_on is null or actor_days.activity_on >= actor_customers.counts_from_on
    group by
        actor_customers.customer_id, actor_customers.anonymous_id, actor_days.device, actor_days.os, actor_days.browser,
        actor_days.app
),

-- The device used most, with its system and browser; ties go to the first by name.
devices as (
    select
        customer_id,
        device,
        os,
        browser,
        row_number() over (
            partition by customer_id
            order by sum(event_count_last_28) desc, device asc, os asc nulls last, browser asc nulls last
        ) as position
    from used
    where device is not null and event_count_last_28 > 0
    group by customer_id, device, os, browser
),

apps as (
    select
        customer_id,
        app,
        row_number() over (partition by customer_id order by sum(event_count_last_28) desc, app asc) as position
    from used
    where app is not null and event_count_last_28 > 0
    group by customer_id, app
),

measured as (
    select
        customer_id,
        count(distinct case when event_count_last_28 > 0 then anonymous_id end) as device_count_last_28,
        max(case when event_count_last_28 > 0 and lower(device) in {{ mobile }} then 1 else 0 end) = 1
            as has_used_mobile_last_28,
        max(case when event_count_last_28 > 0 and lower(device) in {{ desktop }} then 1 else 0 end) = 1
            as has_used_desktop_last_28,
        min(first_at) as first_technology_seen_at,
        max(last_at) as last_technology_seen_at,
        max(batch) as batch
    from used
    group by customer_id
)

select
    measured.customer_id,
    devices.device as primary_device_last_28,
    devices.os as primary_os_last_28,
    devices.browser as primary_browser_last_28,
    apps.app as primary_app_last_28,
    measured.device_count_last_28,
    measured.has_used_mobile_last_28,
    measured.has_used_desktop_last_28,
    measured.first_technology_seen_at,
    measured.last_technology_seen_at,
    measured.batch,
    '{{ computed_for() }}' as computed_for
from measured
left join devices on measured.customer_id = devices.customer_id and devices.position = 1
left join apps on measured.customer_id = apps.customer_id and apps.position = 1
