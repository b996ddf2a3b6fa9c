with components as (
    select * from {{ ref('score_components') }}
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
        scored.signals
    from scored
    inner join definitions on scored.entity = definitions.entity and scored.score = definitions.score
)

{{ select_contract('banded') }}
