with actor_days as (
    select * from {{ ref('int_events__actor_days') }}
    where account_id is not null and event_name not in {{ event_names(event_setting('bookkeeping')) }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
    where customer_id is not null
)

select
    actor_customers.customer_id,
    actor_days.account_id,
    count(distinct case when {{ calendar_window('actor_days.activity_on', 28) }} then actor_days.activity_on end)
        as active_days_last_28,
    min(actor_days.first_at) as first_seen_at,
    max(actor_days.last_at) as last_seen_at
from actor_days
inner join actor_customers on actor_days.actor_id = actor_customers.actor_id
where actor_customers.counts_from_on is null or actor_days.activity_on >= actor_customers.counts_from_on
group by actor_customers.customer_id, actor_days.account_id
