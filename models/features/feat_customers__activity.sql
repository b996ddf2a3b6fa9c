{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}

with visitors as (
    {{ touched_visitors(computed_for()) }}
),

daily_activity as (
    select given.*
    from {{ ref('fct_daily_activity') }} as given
    inner join visitors on given.customer_id = visitors.visitor
    where given.event_name not in {{ event_names(event_setting('bookkeeping')) }}
),

sessions as (
    select given.*
    from {{ ref('fct_sessions') }} as given
    inner join visitors on given.customer_id = visitors.visitor
),

activity as (
    select
        customer_id,
        count(distinct case when {{ calendar_window('activity_on', 7) }} then activity_on end) as active_days_last_7,
        count(distinct case when {{ calendar_window('activity_on', 28) }} then activity_on end) as active_days_last_28,
        count(distinct case when {{ calendar_window('activity_on', 56) }} then activity_on end) as active_days_last_56,
        count(distinct case when {{ calendar_window('activity_on', 90) }} then activity_on end) as active_days_last_90,
        sum(case when {{ calendar_window('activity_on', 28) }} then event_count else 0 end) as event_count_last_28,
        sum(
            case
                when {{ calendar_window('activity_on', 7) }} and event_name like '%\_failed' escape '\' then event_count
                else 0
            end
        ) as failed_task_count_last_7,
        min(first_at) as first_seen_at,
        max(last_at) as last_seen_at,
        min(case when event_name in {{ event_names([event_setting('sign_up_event')]) }} then first_at end)
            as signed_up_at,
        min(case when event_name in {{ event_names([event_setting('value_event')]) }} then first_at end)
            as first_value_at,
        max(batch) as batch
    from daily_activity
    group by customer_id
),

visits as (
    select
        customer_id,
        count(*) as session_count,
        count(case when {{ calendar_window('started_at', 28) }} then 1 end) as session_count_last_28,
        sum(case when {{ calendar_window('started_at', 28) }} then {{ seconds_between('started_at', 'ended_at') }} end)
            as session_seconds_last_28
    from sessions
    group by customer_id
),

-- Days in a row share the difference between a day and its number; so do weeks, by Monday.
active_days as (
    select distinct
        customer_id,
        activity_on
    from daily_activity
    where activity_on <= {{ as_of_date() }}
),

numbered_days as (
    select
        customer_id,
        activity_on,
        activity_on - cast(row_number() over (partition by customer_id order by activity_on) as integer) as streak
    from active_days
),

day_streaks as (
    select
        customer_id,
        count(*) as streak_length,
        max(activity_on) as ends_on
    from numbered_days
    group by customer_id, streak
),

active_weeks as (
    select distinct
        customer_id,
        cast(date_trunc('week', activity_on) as date) as week_on
    from active_days
),

numbered_weeks as (
    select
        customer_id,
        week_on,
        week_on - cast(7 * row_number() over (partition by customer_id order by week_on) as integer) as streak
    from active_weeks
),

week_streaks as (
    select
        customer_id,
        count(*) as streak_length,
        max(week_on) as ends_on
    from numbered_weeks
    group by customer_id, streak
),

-- A streak goes on until a whole day, or a whole week, has passed without activity.
longest_days as (
    select
        customer_id,
        max(streak_length) as longest_streak_days,
        max(case when ends_on >= {{ as_of_date() }} - 1 then streak_length else 0 end) as current_streak_days
    from day_streaks
    group by customer_id
),

longest_weeks as (
    select
        customer_id,
        max(streak_length) as longest_streak_weeks,
        max(
            case
                when ends_on >= cast(date_trunc('week', {{ as_of_date() }}) as date) - 7 then streak_length
                else 0
            end
        ) as current_streak_weeks
    from week_streaks
    group by customer_id
)

select
    activity.customer_id,

    -- how often
    activity.active_days_last_7,
    activity.active_days_last_28,
    activity.active_days_last_56 - activity.active_days_last_28 as active_days_previous_28,
    activity.active_days_last_90,
    cast(
        {{ ratio(
            'activity.active_days_last_28', 'activity.active_days_last_56 - activity.active_days_last_28', 2
        ) }} as decimal(6, 2)
    ) as activity_trend,
    cast(activity.event_count_last_28 as bigint) as event_count_last_28,
    cast(activity.failed_task_count_last_7 as bigint) as failed_task_count_last_7,
    coalesce(longest_days.current_streak_days, 0) as current_streak_days,
    coalesce(longest_days.longest_streak_days, 0) as longest_streak_days,
    coalesce(longest_weeks.current_streak_weeks, 0) as current_streak_weeks,
    coalesce(longest_weeks.longest_streak_weeks, 0) as longest_streak_weeks,

    -- how long
    coalesce(visits.session_count, 0) as session_count,
    coalesce(visits.session_count_last_28, 0) as session_count_last_28,
    cast({{ ratio('visits.session_seconds_last_28', '60 * visits.session_count_last_28', 2) }} as decimal(10, 2))
        as average_session_minutes_last_28,

    -- how far
    cast(
        case
            when activity.first_value_at < activity.signed_up_at then 0
            else {{ ratio(seconds_between('activity.signed_up_at', 'activity.first_value_at'), '3600', 2) }}
        end as decimal(12, 2)
    ) as hours_to_first_value,

    -- when
    {{ calendar_days_since('activity.last_seen_at') }} as days_since_last_seen,
    activity.first_seen_at,
    activity.last_seen_at,
    activity.signed_up_at,
    activity.first_value_at,
    activity.batch,
    '{{ computed_for() }}' as computed_for
from activity
left join visits on activity.customer_id = visits.customer_id
left join longest_days on activity.customer_id = longest_days.customer_id
left join longest_weeks on activity.customer_id = longest_weeks.customer_id
