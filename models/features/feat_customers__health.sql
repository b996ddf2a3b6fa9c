with customers as (
    select * from {{ ref('dim_customers') }}
),

activity as (
    select * from {{ ref('feat_customers__activity') }}
),

billing as (
    select * from {{ ref('feat_customers__billing') }}
),

support as (
    select * from {{ ref('feat_customers__support') }}
),

survey as (
    select * from {{ ref('feat_customers__survey') }}
),

health_weights as (
    select * from {{ ref('health_weights') }}
),

-- Only somebody with an open subscription has a health to speak of.
subscribers as (
    select customers.customer_id
    from customers
    inner join billing on customers.customer_id = billing.customer_id
    where billing.has_open_subscription
),

points as (
    select
        subscribers.customer_id,
        'usage' as metric,
        {% if source_system('events') == 'none' -%}
        cast(null as integer)
        {%- else -%}
        case
            when coalesce(activity.active_days_last_28, 0) >= 8 then 10
            when activity.active_days_last_28 >= 1 then 5
            else 0
        end
        {%- endif %} as metric_points
    from subscribers
    left join activity on subscribers.customer_id = activity.customer_id

    union all

    select
        subscribers.customer_id,
        'payment' as metric,
        case
            when billing.failed_payment_count_last_28 = 0 then 10
            when billing.failed_payment_count_last_28 = 1 then 5
            else 0
        end as metric_points
    from subscribers
    inner join billing on subscribers.customer_id = billing.customer_id

    union all

    select
        subscribers.customer_id,
        'satisfaction' as metric,
        case
            when survey.nps_score >= 9 then 10
            when survey.nps_score >= 7 then 5
            when survey.nps_score is not null then 0
        end as metric_points
    from subscribers
    left join survey on subscribers.customer_id = survey.customer_id

    union all

    select
        subscribers.customer_id,
        'support' as metric,
        {% if source_system('support') == 'none' -%}
        cast(null as integer)
        {%- else -%}
        case
            when coalesce(support.open_ticket_count, 0) = 0 then 10
            when support.open_ticket_count <= 2 then 5
            else 0
        end
        {%- endif %} as metric_points
    from subscribers
    left join support on subscribers.customer_id = support.customer_id
)

select
    points.customer_id,
    cast(
        sum(points.metric_points * health_weights.weight) * 1.0 / nullif(sum(health_weights.weight), 0)
        as decimal(4, 2)
    ) as health_score
from points
inner join health_weights on points.metric = health_weights.metric
where points.metric_points is not null
group by points.customer_id
