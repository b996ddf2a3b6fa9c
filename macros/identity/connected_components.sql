{#- Labels every node of a graph with the smallest node of its component.

    Returns a query of (node, component). Arguments: edges, a relation or CTE of
    (node_a, node_b) in which every node occurs (a lone node as an edge to
    itself). Depth is not bounded. -#}
{% macro connected_components(edges) -%}
    {{ return(adapter.dispatch('connected_components', 'strata')(edges)) }}
{%- endmacro %}


{% macro default__connected_components(edges) %}
    with recursive both_ways as (
        select node_a as node, node_b as neighbour from {{ edges }}
        union
        select node_b as node, node_a as neighbour from {{ edges }}
    ),

    -- `union` drops pairs that were seen before, which is what ends the recursion.
    -- Only smaller labels travel, so a component of n nodes costs at most n * n / 2 rows.
    reached as (
        select node, node as label from both_ways
        union
        select both_ways.neighbour as node, reached.label
        from reached
        inner join both_ways on reached.node = both_ways.node
        where reached.label < both_ways.neighbour
    )

    select node, min(label) as component
    from reached
    group by node
{% endmacro %}
