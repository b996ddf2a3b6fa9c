{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook='{{ forget_scores() }}',
) }}

-- forget_scores took out the scores of entities whose inputs are not those that they were
-- made from; entities without a score are scored here.
with customers as (
    {{ unscored('customer') }}
),

accounts as (
    {{ unscored('account') }}
),

customer_points as (
    {{ score_points('customer', 'customers') }}
),

account_points as (
    {{ score_points('account', 'accounts') }}
),

components as (
    select * from customer_points
    union all
    select * from account_points
),

definitions as (
    select * from {{ ref('score_definitions') }}
),

-- The weighted mean of the points that are known, and what earned any, the weightiest first.
scored as (
    select
        entity,
        entity_id,
        score,
        max(inputs_digest) as inputs_digest,
        cast(cast(sum(points * weight) as decimal(18, 6)) / nullif(sum(weight), 0) as decimal(4, 2)) as score_value,
        {{ dbt.listagg(
            "case when points > 0 then label end", "', '", "order by points * weight desc, metric"
        ) }} as signals
    from components
    group by entity, entity_id, score
),

banded as (
    select
        scored.entity,
        scored.entity_id,
        scored.score,
        scored.score_value,
        case
            when scored.score_value >= definitions.high_from then 'high'
            when scored.score_value >= definitions.medium_from then 'medium'
            else 'low'
        end as band,
        scored.signals,
        scored.inputs_digest,
        '{{ scores_made_from() }}' as made_from
    from scored
    inner join definitions on scored.entity = definitions.entity and scored.score = definitions.score
)

{{ select_contract('banded') }}
