{{ config(materialized='view') }}

with arrivals as (
    select * from {{ ref('stg_events__arrivals') }}
    where reject_reason is null and occurred_at <= {{ as_of() }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
    where customer_id is not null
)

select
    arrivals.event_key,
    actor_customers.customer_id,
    arrivals.event_name,
    arrivals.occurred_at
from arrivals
inner join actor_customers on arrivals.actor_id = actor_customers.actor_id
where
    actor_customers.counts_from_on is null
    or cast(arrivals.occurred_at as date) >= actor_customers.counts_from_on
