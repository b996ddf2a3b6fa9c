{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ forget_visitors('customer_id', computed_for()) }}",
) }}

with visitors as (
    {{ touched_visitors(computed_for()) }}
),

feature_use as (
    select given.*
    from {{ ref('customer_feature_use') }} as given
    inner join visitors on given.customer_id = visitors.visitor
),

product_features as (
    select * from {{ ref('product_features') }}
),

key_features as (
    select count(distinct feature) as key_feature_count
    from product_features
    where is_key
),

-- Of features used equally often the first by name is on top.
ranked as (
    select
        *,
        row_number() over (partition by customer_id order by use_count_last_28 desc, event_name asc) as position
    from feature_use
),

measured as (
    select
        customer_id,
        max(case when position = 1 and use_count_last_28 > 0 then event_name end) as top_feature_last_28,
        max(case when position = 1 and use_count_last_28 > 0 then use_share_last_28 end) as top_feature_share_last_28,
        count(distinct case when use_count_last_28 > 0 then feature end) as feature_count_last_28,
        count(distinct feature) as feature_count_ever,
        count(distinct case when is_listed then feature end) as listed_feature_count_adopted,
        count(distinct case when is_key then feature end) as key_feature_count_adopted,
        min(case when is_key then first_used_at end) as first_key_feature_at,
        max(last_used_at) as last_feature_at,
        max(batch) as batch
    from ranked
    group by customer_id
)

select
    measured.customer_id,
    measured.top_feature_last_28,
    cast(measured.top_feature_share_last_28 as decimal(5, 4)) as top_feature_share_last_28,
    measured.feature_count_last_28,
    measured.feature_count_ever,
    measured.listed_feature_count_adopted,
    measured.key_feature_count_adopted,
    case
        when key_features.key_feature_count > 0
            then measured.key_feature_count_adopted = key_features.key_feature_count
    end as has_adopted_all_key_features,
    measured.first_key_feature_at,
    measured.last_feature_at,
    measured.batch,
    '{{ computed_for() }}' as computed_for
from measured
cross join key_features
