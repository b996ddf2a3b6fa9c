{#- Events that the tools write by themselves, not something a person did. -#}
{%- set bookkeeping = "('identified')" -%}

with events as (
    select * from {{ ref('int_events__resolved') }}
    where customer_id is not null
),

sessions as (
    select
        customer_id,
        count(*) as session_count
    from {{ ref('fct_sessions') }}
    where customer_id is not null
    group by customer_id
),

activity as (
    select
        customer_id,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        min(case when event_name = 'signed_up' then occurred_at end) as signed_up_at,
        count(distinct case
            when {{ calendar_window('occurred_at', 7) }} then cast(occurred_at as date)
        end) as active_days_last_7,
        count(distinct case
            when {{ calendar_window('occurred_at', 28) }} then cast(occurred_at as date)
        end) as active_days_last_28,
        count(case when {{ calendar_window('occurred_at', 28) }} then 1 end) as event_count_last_28,
        count(case
            when {{ calendar_window('occurred_at', 7) }} and event_name like '%\_failed' escape '\' then 1
        end) as failed_task_count_last_7
    from events
    where event_name not in {{ bookkeeping }}
    group by customer_id
),

-- The feature somebody uses most, page views aside; ties go to the first by name.
features_used as (
    select
        customer_id,
        event_name,
        row_number() over (partition by customer_id order by count(*) desc, event_name asc) as position
    from events
    where
        {{ calendar_window('occurred_at', 28) }}
        and event_name not in {{ bookkeeping }}
        and event_name not in ('page_viewed', 'signed_up', 'trial_started')
    group by customer_id, event_name
),

devices as (
    select
        customer_id,
        device,
        os,
        browser,
        row_number() over (
            partition by customer_id order by count(*) desc, device asc, os asc, browser asc
        ) as position
    from events
    where {{ calendar_window('occurred_at', 28) }} and device is not null
    group by customer_id, device, os, browser
)

select
    activity.customer_id,
    features_used.event_name as top_feature_last_28,
    devices.device as primary_device_last_28,
    devices.os as primary_os_last_28,
    devices.browser as primary_browser_last_28,
    activity.active_days_last_7,
    activity.active_days_last_28,
    activity.event_count_last_28,
    activity.failed_task_count_last_7,
    coalesce(sessions.session_count, 0) as session_count,
    activity.first_seen_at,
    activity.last_seen_at,
    activity.signed_up_at
from activity
left join sessions on activity.customer_id = sessions.customer_id
left join features_used on activity.customer_id = features_used.customer_id and features_used.position = 1
left join devices on activity.customer_id = devices.customer_id and devices.position = 1
