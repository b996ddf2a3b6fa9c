{{ config(materialized='view') }}

-- The components of the graph; of those that were too large, the parts.
with components as (
    select * from {{ ref('int_identity__components') }}
),

glue as (
    select * from {{ ref('int_identity__glue') }}
),

parts as (
    select * from {{ ref('int_identity__parts') }}
),

broken as (
    select components.component
    from components
    inner join glue on components.node = glue.node
    group by components.component
)

select
    components.node,
    components.component
from components
left join broken on components.component = broken.component
where broken.component is null

union all

select
    node,
    component
from parts
