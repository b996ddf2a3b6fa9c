{%- set flows = event_setting('flows') -%}
{%- set names = [] -%}
{%- for flow in flows.values() -%}{%- do names.extend([flow.start, flow.finish]) -%}{%- endfor -%}

with arrivals as (
    select * from {{ ref('stg_events__arrivals') }}
    where
        event_name in {{ event_names(names) }}
        and reject_reason is null
        and occurred_at <= {{ as_of() }}
),

actor_customers as (
    select * from {{ ref('int_events__actor_customers') }}
    where customer_id is not null
),

flows as (
    {%- for name, flow in flows.items() %}
    select
        {{ text_literal(name) }} as flow,
        {{ text_literal(flow.start) }} as event_name,
        0 as is_finish
    union all
    select
        {{ text_literal(name) }} as flow,
        {{ text_literal(flow.finish) }} as event_name,
        1 as is_finish
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {{ text_literal(none) }} as flow,
        {{ text_literal(none) }} as event_name,
        0 as is_finish
    {%- endfor %}
),

-- A finish at the very time of a start follows it.
steps as (
    select
        actor_customers.customer_id,
        flows.flow,
        flows.is_finish,
        arrivals.occurred_at,
        min(case when flows.is_finish = 1 then arrivals.occurred_at end) over (
            partition by actor_customers.customer_id, flows.flow
            order by arrivals.occurred_at, flows.is_finish
            rows between current row and unbounded following
        ) as finished_at
    from arrivals
    inner join flows on arrivals.event_name = flows.event_name
    inner join actor_customers on arrivals.actor_id = actor_customers.actor_id
    where
        actor_customers.counts_from_on is null
        or cast(arrivals.occurred_at as date) >= actor_customers.counts_from_on
),

judged as (
    select
        *,
        is_finish = 0
        and occurred_at + interval '24' hour <= {{ as_of() }}
        and (finished_at is null or finished_at > occurred_at + interval '24' hour) as is_abandoned
    from steps
)

select
    customer_id,
    flow,
    count(case when is_finish = 0 and {{ calendar_window('occurred_at', 28) }} then 1 end) as start_count_last_28,
    count(case when is_finish = 1 and {{ calendar_window('occurred_at', 28) }} then 1 end) as finish_count_last_28,
    count(case when is_abandoned and {{ calendar_window('occurred_at', 28) }} then 1 end) as abandoned_count_last_28,
    max(case when is_finish = 0 then occurred_at end) as last_started_at,
    max(case when is_finish = 1 then occurred_at end) as last_finished_at,
    max(case when is_abandoned then occurred_at end) as last_abandoned_at
from judged
group by customer_id, flow
