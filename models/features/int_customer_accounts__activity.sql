{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}

with actor_days as (
    select * from {{ ref('int_events__actor_days') }}
    where account_id is not null and event_name not in {{ event_names(event_setting('bookkeeping')) }}
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
)

select
    actor_customers.customer_id,
    actor_days.account_id,
    count(distinct case when {{ calendar_window('actor_days.activity_on', 28) }} then actor_days.activity_on end)
        as active_days_last_28,
    min(actor_days.first_at) as first_seen_at,
    max(actor_days.last_at) as last_seen_at,
    max(actor_customers.batch) as batch,
    '{{ computed_for() }}' as computed_for
from actor_days
inner join actor_customers on actor_days.actor_id = actor_customers.actor_id
where actor_customers.counts_from_on is null or actor_days.activity_on >= actor_customers.counts_from_on
group by actor_customers.customer_id, actor_days.account_id
