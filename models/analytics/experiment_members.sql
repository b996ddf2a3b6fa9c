{{ config(materialized='view') }}

{%- set unmeasured = [] %}
{%- for metric, domain in experiment_metrics().items() if source_system(domain) == 'none' %}
    {%- do unmeasured.append(metric) %}
{%- endfor %}

with experiments as (
    select * from {{ ref('experiments') }}
),

arms as (
    select * from {{ ref('experiment_arms') }}
),

assignments as (
    select * from {{ ref('experiment_assignments') }}
    where assigned_at <= {{ as_of() }}
),

-- Into whom a customer went who is gone since.
successors as (
    select
        from_entity_id,
        to_entity_id
    from {{ ref('int_segments__successors') }}
    where entity = 'customer' and is_gone and position = 1
),

people as (
    select
        assignments.experiment_id,
        coalesce(successors.to_entity_id, assignments.entity_key) as customer_id,
        min(assignments.arm) as arm,
        count(distinct assignments.arm) as arm_count,
        min(assignments.assigned_at) as assigned_at
    from assignments
    left join successors on assignments.entity_key = successors.from_entity_id
    group by assignments.experiment_id, coalesce(successors.to_entity_id, assignments.entity_key)
),

members as (
    select
        people.experiment_id,
        people.customer_id,
        case when people.arm_count = 1 then arms.arm end as arm,
        people.arm_count,
        people.assigned_at,
        people.assigned_at + experiments.conversion_days * interval '1' day as window_ends_at,
        experiments.conversion_event,
        experiments.conversion_metric
    from people
    inner join experiments on people.experiment_id = experiments.experiment_id
    left join arms on people.experiment_id = arms.experiment_id and people.arm = arms.arm
),

counted as (
    select * from members
    where arm is not null and window_ends_at <= {{ as_of() }}
),

-- A window is at least a day long, so that the first and last event of each day say whether
-- there was one in it.
converted as (
    select distinct
        counted.experiment_id,
        counted.customer_id
    from counted
    inner join {{ ref('fct_daily_activity') }} as activity
        on counted.customer_id = activity.customer_id
        and counted.conversion_event = activity.event_name
        and counted.assigned_at < activity.last_at
        and counted.window_ends_at >= activity.first_at
),

amounts as (
    select
        customer_id,
        'revenue' as metric,
        issued_at as happened_at,
        revenue as amount
    from {{ ref('fct_invoices') }}
    union all
    select
        customer_id,
        'revenue' as metric,
        refunded_at as happened_at,
        -amount as amount
    from {{ ref('fct_refunds') }}
    union all
    select
        customer_id,
        'purchase_count' as metric,
        ordered_at as happened_at,
        1 as amount
    from {{ ref('fct_orders') }}
    union all
    select
        customer_id,
        'session_count' as metric,
        started_at as happened_at,
        1 as amount
    from {{ ref('fct_sessions') }}
),

measured as (
    select
        counted.experiment_id,
        counted.customer_id,
        sum(amounts.amount) as amount
    from counted
    inner join amounts
        on counted.customer_id = amounts.customer_id
        and counted.conversion_metric = amounts.metric
        and counted.assigned_at < amounts.happened_at
        and counted.window_ends_at >= amounts.happened_at
    group by counted.experiment_id, counted.customer_id
)

select
    members.experiment_id,
    members.customer_id,
    members.arm,
    members.arm_count,
    counted.customer_id is not null as is_counted,
    cast(
        case
            when counted.customer_id is null then null
            {%- if source_system('events') == 'none' %}
            when members.conversion_event is not null then null
            {%- endif %}
            when members.conversion_metric in {{ event_names(unmeasured) }} then null
            when members.conversion_event is null then coalesce(measured.amount, 0)
            when converted.customer_id is not null then 1
            else 0
        end as decimal(18, 2)
    ) as outcome,
    members.assigned_at,
    members.window_ends_at
from members
left join counted on members.experiment_id = counted.experiment_id and members.customer_id = counted.customer_id
left join converted on members.experiment_id = converted.experiment_id and members.customer_id = converted.customer_id
left join measured on members.experiment_id = measured.experiment_id and members.customer_id = measured.customer_id
