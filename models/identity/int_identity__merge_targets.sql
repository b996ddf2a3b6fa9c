with crm_merges as (
    select * from {{ ref('stg_crm__merges') }}
),

-- Of two targets of one id the latest counts, so an id has one way to go.
ranked as (
    select
        *,
        row_number() over (
            partition by object, merged_id
            order by merged_at desc nulls last, surviving_id desc
        ) as recency
    from crm_merges
),

targets as (
    select
        object,
        merged_id,
        surviving_id as target_id,
        merged_at,
        source_system,
        loaded_at,
        object || ':' || merged_id as node_a,
        object || ':' || surviving_id as node_b
    from ranked
    where recency = 1
),

components as (
    {{ connected_components('targets') }}
),

-- Each component has one id that was not merged itself, or else it goes round in a loop.
survivors as (
    select
        components.component,
        max(targets.target_id) as surviving_id
    from components
    inner join targets on components.node = targets.node_b
    left join targets as further on components.node = further.node_a
    where further.node_a is null
    group by components.component
)

select
    targets.object,
    targets.merged_id,
    targets.target_id,
    survivors.surviving_id,
    targets.merged_at,
    targets.source_system,
    targets.loaded_at
from targets
inner join components on targets.node_a = components.node
left join survivors on components.component = survivors.component
