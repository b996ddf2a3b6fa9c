with events as (
    select * from {{ ref('int_events__resolved') }}
),

-- A visitor is a customer once known, otherwise a browser.
ordered as (
    select
        event_id,
        customer_id,
        anonymous_id,
        coalesce(customer_id, anonymous_id) as visitor,
        occurred_at,
        lag(occurred_at) over (
            partition by coalesce(customer_id, anonymous_id) order by occurred_at, event_id
        ) as previous_at
    from events
    where coalesce(customer_id, anonymous_id) is not null
),

numbered as (
    select
        *,
        sum(
            case
                when previous_at is null or occurred_at > previous_at + interval '30' minute then 1
                else 0
            end
        ) over (partition by visitor order by occurred_at, event_id rows unbounded preceding) as session_number
    from ordered
)

select
    md5(visitor || '|' || cast(min(occurred_at) as {{ dbt.type_string() }})) as session_id,
    customer_id,
    case when customer_id is null then visitor else min(anonymous_id) end as anonymous_id,
    min(occurred_at) as started_at,
    max(occurred_at) as ended_at,
    count(*) as event_count
from numbered
group by visitor, customer_id, session_number
