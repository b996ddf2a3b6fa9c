{{ config(
    materialized='incremental',
    unique_key='node',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    post_hook="{{ forget_nodes(ref('int_identity__edges')) }}",
) }}

-- Only components that an edge was added to or removed from are labelled anew. Which those
-- are is told by the nodes whose set of neighbours is not the one that was stored, so the
-- labels and what they were made from are written in one statement.
with edges as (
    select * from {{ ref('int_identity__edges') }}
),

-- An edge is there once and leads up, so both ways are different rows but for lone nodes.
both_ways as (
    select
        node_a as node,
        node_b as neighbour
    from {{ ref('int_identity__edges') }}
    union all
    select
        node_b as node,
        node_a as neighbour
    from {{ ref('int_identity__edges') }}
    where node_a <> node_b
),

nodes as (
    select
        node,
        {{ set_digest('neighbour') }} as neighbours_digest
    from both_ways
    group by node
),
{% if is_incremental() %}
stored as (
    select * from {{ this }}
),

changed as (
    select coalesce(nodes.node, stored.node) as node
    from nodes
    full outer join stored on nodes.node = stored.node
    where nodes.neighbours_digest is distinct from stored.neighbours_digest
),

touched as (
    select stored.component
    from stored
    inner join changed on stored.node = changed.node
    group by stored.component
),

reached as (
    select stored.node
    from stored
    inner join touched on stored.component = touched.component
    union
    select node from changed
),

reached_edges as (
    select
        edges.node_a,
        edges.node_b
    from edges
    inner join reached on edges.node_a = reached.node
),

components as (
    {{ connected_components('reached_edges') }}
)
{% else %}
components as (
    {{ connected_components('edges') }}
)
{% endif %}
select
    components.node,
    components.component,
    nodes.neighbours_digest
from components
inner join nodes on components.node = nodes.node
