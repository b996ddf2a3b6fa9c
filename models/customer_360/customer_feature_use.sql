{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}
{%- set no_features = event_setting('bookkeeping') + event_setting('not_features') -%}

with visitors as (
    {{ touched_visitors(computed_for()) }}
),

daily_activity as (
    select given.*
    from {{ ref('fct_daily_activity') }} as given
    inner join visitors on given.customer_id = visitors.visitor
),

product_features as (
    select * from {{ ref('product_features') }}
),

-- What the seed lists is a feature whatever the setting leaves out.
used as (
    select
        daily_activity.customer_id,
        daily_activity.event_name,
        coalesce(product_features.feature, daily_activity.event_name) as feature,
        product_features.event_name is not null as is_listed,
        coalesce(product_features.is_key, false) as is_key,
        sum(daily_activity.event_count) as use_count,
        sum(
            case when {{ calendar_window('daily_activity.activity_on', 28) }} then daily_activity.event_count else 0 end
        ) as use_count_last_28,
        count(case when {{ calendar_window('daily_activity.activity_on', 28) }} then 1 end) as active_days_last_28,
        min(daily_activity.first_at) as first_used_at,
        max(daily_activity.last_at) as last_used_at,
        max(daily_activity.batch) as batch
    from daily_activity
    left join product_features on daily_activity.event_name = product_features.event_name
    where
        product_features.event_name is not null
        or daily_activity.event_name not in {{ event_names(no_features) }}
    group by
        daily_activity.customer_id, daily_activity.event_name, product_features.feature, product_features.event_name,
        product_features.is_key
),

totals as (
    select
        *,
        sum(use_count_last_28) over (partition by customer_id) as total_last_28
    from used
)

select
    customer_id,
    event_name,
    feature,
    is_listed,
    is_key,
    cast(use_count as bigint) as use_count,
    cast(use_count_last_28 as bigint) as use_count_last_28,
    cast({{ ratio('use_count_last_28', 'total_last_28', 4) }} as decimal(5, 4)) as use_share_last_28,
    active_days_last_28,
    first_used_at,
    last_used_at,
    batch,
    '{{ computed_for() }}' as computed_for
from totals
