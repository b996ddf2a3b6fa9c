{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}

with visitors as (
    {{ touched_visitors(computed_for()) }}
),

daily_activity as (
    select given.*
    from {{ ref('fct_daily_activity') }} as given
    inner join visitors on given.customer_id = visitors.visitor
),

onboarding_steps as (
    select * from {{ ref('onboarding_steps') }}
),

all_steps as (
    select count(*) as step_count
    from onboarding_steps
),

sign_ups as (
    select
        customer_id,
        min(first_at) as signed_up_at
    from daily_activity
    where event_name in {{ event_names([event_setting('sign_up_event')]) }}
    group by customer_id
),

done as (
    select
        daily_activity.customer_id,
        onboarding_steps.step,
        onboarding_steps.position,
        min(daily_activity.first_at) as done_at
    from daily_activity
    inner join onboarding_steps on daily_activity.event_name = onboarding_steps.event_name
    group by daily_activity.customer_id, onboarding_steps.step, onboarding_steps.position
),

-- The last step is the one that was done last for the first time; of two at one time, the
-- later in the order of steps.
ordered as (
    select
        *,
        row_number() over (partition by customer_id order by done_at desc, position desc) as recency
    from done
),

progress as (
    select
        customer_id,
        count(*) as steps_done_count,
        max(case when recency = 1 then step end) as last_step,
        max(done_at) as last_step_at
    from ordered
    group by customer_id
),

customers as (
    select
        found.customer_id,
        visitors.batch
    from (
        select customer_id from sign_ups
        union
        select customer_id from progress
    ) as found
    inner join visitors on found.customer_id = visitors.visitor
)

select
    customers.customer_id,
    coalesce(progress.steps_done_count, 0) as onboarding_step_count,
    cast({{ ratio('coalesce(progress.steps_done_count, 0)', 'all_steps.step_count', 4) }} as decimal(5, 4))
        as onboarding_progress,
    progress.last_step as onboarding_last_step,
    {{ calendar_days_since('sign_ups.signed_up_at') }} as days_since_signed_up,
    progress.last_step_at as onboarding_last_step_at,
    case when progress.steps_done_count = all_steps.step_count then progress.last_step_at end
        as onboarding_completed_at,
    customers.batch,
    '{{ computed_for() }}' as computed_for
from customers
cross join all_steps
left join progress on customers.customer_id = progress.customer_id
left join sign_ups on customers.customer_id = sign_ups.customer_id
