{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id') }}",
) }}

with actor_days as (
    select * from {{ ref('int_events__actor_days') }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
    where customer_id is not null
),

visitors as (
    {{ touched_visitors() }}
)

select
    actor_customers.customer_id,
    actor_days.activity_on,
    actor_days.event_name,
    cast(sum(actor_days.event_count) as bigint) as event_count,
    min(actor_days.first_at) as first_at,
    max(actor_days.last_at) as last_at,
    visitors.batch
from actor_days
inner join actor_customers on actor_days.actor_id = actor_customers.actor_id
inner join visitors on actor_customers.customer_id = visitors.visitor
where actor_customers.counts_from_on is null or actor_days.activity_on >= actor_customers.counts_from_on
group by actor_customers.customer_id, actor_days.activity_on, actor_days.event_name, visitors.batch
