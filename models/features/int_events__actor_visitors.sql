{{ config(
    materialized='incremental',
    unique_key=['actor_id', 'visitor'],
    incremental_strategy='delete+insert',
    on_schema_change='sync_all_columns',
) }}

{%- set batch = next_batch() %}
{%- set compared = [
    'customer_id', 'anonymous_id', 'first_known_at', 'counts_from_on', 'last_seen_at', 'arrivals_batch',
] %}

-- Whose an actor was before stays in the table, as not current: whoever integrates the
-- batches learns from it which visitor lost the actor, however many runs it missed.
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
),

wanted as (
    select
        resolved.actor_id,
        coalesce(resolved.customer_id, resolved.anonymous_id, '') as visitor,
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
        {%- endif %} as counts_from_on,
        resolved.last_seen_at,
        resolved.batch as arrivals_batch
    from resolved
    left join sign_ups on resolved.user_id = sign_ups.user_id
    left join stated on resolved.user_id = stated.user_id
){% if is_incremental() %},

stored as (
    select * from {{ this }}
)

select
    wanted.*,
    true as is_current,
    {{ batch }} as batch
from wanted
left join stored
    on wanted.actor_id = stored.actor_id and wanted.visitor = stored.visitor and stored.is_current
where
    stored.actor_id is null
    {%- for column in compared %}
    or wanted.{{ column }} is distinct from stored.{{ column }}
    {%- endfor %}

union all

select
    stored.actor_id,
    stored.visitor,
    {%- for column in compared %}
    stored.{{ column }},
    {%- endfor %}
    false as is_current,
    {{ batch }} as batch
from stored
left join wanted on stored.actor_id = wanted.actor_id and stored.visitor = wanted.visitor
where stored.is_current and wanted.actor_id is null
{%- else -%}
select
    *,
    true as is_current,
    {{ batch }} as batch
from wanted
{%- endif %}
