{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('visitor') }}",
) }}

-- The sessions of all the events of a person's devices together are the union of the
-- devices' own intervals: an event is within 30 minutes of the one before it exactly if an
-- interval is that close to what was covered before it.
with actor_sessions as (
    select * from {{ ref('int_events__actor_sessions') }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
),

visitors as (
    {{ touched_visitors() }}
),

-- A visitor is a customer once known, otherwise a browser.
intervals as (
    select
        visitors.visitor,
        visitors.batch,
        actor_customers.customer_id,
        actor_customers.anonymous_id,
        actor_sessions.actor_id,
        actor_sessions.started_at,
        actor_sessions.ended_at,
        actor_sessions.event_count
    from actor_sessions
    inner join actor_customers on actor_sessions.actor_id = actor_customers.actor_id
    inner join visitors on coalesce(actor_customers.customer_id, actor_customers.anonymous_id) = visitors.visitor
    where actor_customers.counts_from_on is null or actor_sessions.activity_on >= actor_customers.counts_from_on
),

ordered as (
    select
        *,
        max(ended_at) over (
            partition by visitor
            order by started_at, ended_at, actor_id
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from intervals
),

numbered as (
    select
        *,
        sum(
            case
                when covered_until is null or started_at > covered_until + interval '30' minute then 1
                else 0
            end
        ) over (partition by visitor order by started_at, ended_at, actor_id rows unbounded preceding)
            as session_number
    from ordered
)

select
    md5(visitor || '|' || cast(min(started_at) as {{ dbt.type_string() }})) as session_id,
    visitor,
    customer_id,
    case when customer_id is null then visitor else min(anonymous_id) end as anonymous_id,
    min(started_at) as started_at,
    max(ended_at) as ended_at,
    cast(sum(event_count) as bigint) as event_count,
    batch
from numbered
group by visitor, customer_id, session_number, batch
