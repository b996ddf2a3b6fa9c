with actors as (
    select * from {{ ref('int_events__actors') }}
),

actor_days as (
    select * from {{ ref('int_events__actor_days') }}
    where event_name in {{ event_names([event_setting('sign_up_event')]) }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

billing_customers as (
    select * from {{ ref('stg_billing__customers') }}
),

-- The explicit user comes first, then the address, then the browser's later owner.
resolved as (
    {{ with_customer('actors', by=['user_id', 'email', 'anonymous_id']) }}
),

sign_ups as (
    select
        actors.user_id,
        min(actor_days.first_at) as signed_up_at
    from actor_days
    inner join actors on actor_days.actor_id = actors.actor_id
    where actors.user_id is not null
    group by actors.user_id
),

records as (
    select
        user_id,
        created_at
    from contacts
    union all
    select
        user_id,
        created_at
    from billing_customers
),

stated as (
    select
        user_id,
        min(created_at) as created_at
    from records
    where user_id is not null and created_at is not null
    group by user_id
)

select
    resolved.actor_id,
    resolved.customer_id,
    resolved.anonymous_id,
    coalesce(sign_ups.signed_up_at, stated.created_at) as first_known_at,
    {% if event_setting('max_days_before_customer') is none -%}
    cast(null as date)
    {%- else -%}
    cast(
        coalesce(sign_ups.signed_up_at, stated.created_at)
        - interval '{{ event_setting('max_days_before_customer') }}' day
        as date
    )
    {%- endif %} as counts_from_on
from resolved
left join sign_ups on resolved.user_id = sign_ups.user_id
left join stated on resolved.user_id = stated.user_id
