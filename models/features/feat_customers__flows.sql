with flows as (
    select * from {{ ref('customer_flows') }}
),

ranked as (
    select
        customer_id,
        flow,
        last_abandoned_at,
        sum(abandoned_count_last_28) over (partition by customer_id) as abandoned_flow_count_last_28,
        row_number() over (partition by customer_id order by last_abandoned_at desc nulls last, flow asc) as recency
    from flows
)

select
    customer_id,
    cast(abandoned_flow_count_last_28 as bigint) as abandoned_flow_count_last_28,
    case when last_abandoned_at is not null then flow end as last_abandoned_flow,
    last_abandoned_at as last_flow_abandoned_at
from ranked
where recency = 1
