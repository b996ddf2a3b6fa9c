-- The components that were too large, again without the identifiers that glued them together.
with components as (
    select * from {{ ref('int_identity__components') }}
),

trusted as (
    select * from {{ ref('int_identity__trusted') }}
),

glue as (
    select * from {{ ref('int_identity__glue') }}
),

broken as (
    select components.component
    from components
    inner join glue on components.node = glue.node
    group by components.component
),

held as (
    select
        trusted.record_id,
        trusted.node
    from trusted
    inner join components on trusted.node = components.node
    inner join broken on components.component = broken.component
    left join glue on trusted.node = glue.node
    where glue.node is null
),

edges as (
    {{ record_edges('held') }}
),

parts as (
    {{ connected_components('edges') }}
)

select
    node,
    component
from parts
