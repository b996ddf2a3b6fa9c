{%- set text = dbt.type_string() -%}
{%- set is_wrong_in_itself -%}
(
        arrivals.reject_reason is not null
        or (
            arrivals.received_at is null and arrivals.loaded_at is null
            and arrivals.occurred_at > {{ as_of() }} + interval '365' day
        )
    )
{%- endset -%}
with actors as (
    select * from {{ ref('int_events__actors') }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
),

-- Few actors have an event before anybody knew of them, so few events are looked at. One row
-- per actor; grouped, so that an engine finds these actors before it joins their events.
too_early as (
    select
        actors.actor_id,
        min(actor_customers.first_known_at) as first_known_at,
        min(actor_customers.counts_from_on) as counts_from_on
    from actors
    inner join actor_customers on actors.actor_id = actor_customers.actor_id
    where cast(actors.first_seen_at as date) < actor_customers.counts_from_on
    group by actors.actor_id
),

-- Two passes that name the table itself: an engine skips the many arrivals that a condition
-- does not want, which it could not in one join, nor in a CTE that is read twice.
judged as (
    select
        arrivals.*,
        coalesce(arrivals.reject_reason, 'it lies more than 365 days in the future') as reason,
        cast(null as timestamp) as first_known_at
    from {{ ref('stg_events__arrivals') }} as arrivals
    where {{ is_wrong_in_itself }}

    union all

    select
        arrivals.*,
        'it happened more than {{ event_setting('max_days_before_customer') }} days '
        || 'before its customer was first known' as reason,
        too_early.first_known_at
    from {{ ref('stg_events__arrivals') }} as arrivals
    inner join too_early
        on arrivals.actor_id = too_early.actor_id
        and cast(arrivals.occurred_at as date) < too_early.counts_from_on
    where not coalesce({{ is_wrong_in_itself }}, false)
)

select
    cast('events' as {{ text }}) as domain,
    cast('events' as {{ text }}) as entity,
    source_system,
    event_key as row_key,
    reason,
    concat_ws(
        ', ',
        'event_name = ' || coalesce(event_name, 'null'),
        'occurred_at = ' || coalesce(cast(occurred_at as {{ text }}), 'null'),
        'received_at = ' || cast(received_at as {{ text }}),
        case when received_at is null then 'loaded_at = ' || cast(loaded_at as {{ text }}) end,
        'first_known_at = ' || cast(first_known_at as {{ text }}),
        'subscription_id = ' || subscription_id
    ) as found,
    loaded_at
from judged
