{{ config(
    materialized='incremental',
    unique_key=['actor_id', 'activity_on'],
    incremental_strategy='delete+insert',
    pre_hook="{{ forget_events('started_at') }}",
) }}

-- An interval ends with its day, so that a new event changes one day of one actor only;
-- fct_sessions joins what midnight parted. Events of one second are told apart by their keys,
-- so that both windows see them in one order.
with events as (
    {{ touched_events(by=['actor_id', 'activity_on'], until='ended_at') }}
),

ordered as (
    select
        actor_id,
        source_system,
        activity_on,
        event_key,
        occurred_at,
        integrated_batch,
        lag(occurred_at) over (partition by actor_id, activity_on order by occurred_at, event_key) as previous_at
    from events
),

numbered as (
    select
        *,
        sum(case when previous_at is null or occurred_at > previous_at + interval '30' minute then 1 else 0 end)
            over (partition by actor_id, activity_on order by occurred_at, event_key rows unbounded preceding)
            as interval_number
    from ordered
)

select
    actor_id,
    source_system,
    activity_on,
    count(*) as event_count,
    min(occurred_at) as started_at,
    max(occurred_at) as ended_at,
    max(integrated_batch) as batch
from numbered
group by actor_id, source_system, activity_on, interval_number
