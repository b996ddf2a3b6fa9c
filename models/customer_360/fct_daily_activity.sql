with actor_days as (
    select * from {{ ref('int_events__actor_days') }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
    where customer_id is not null
)

select
    actor_customers.customer_id,
    actor_days.activity_on,
    actor_days.event_name,
    cast(sum(actor_days.event_count) as bigint) as event_count,
    min(actor_days.first_at) as first_at,
    max(actor_days.last_at) as last_at
from actor_days
inner join actor_customers on actor_days.actor_id = actor_customers.actor_id
where actor_customers.counts_from_on is null or actor_days.activity_on >= actor_customers.counts_from_on
group by actor_customers.customer_id, actor_days.activity_on, actor_days.event_name
