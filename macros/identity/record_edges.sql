{#- A query of (node_a, node_b): the identifiers of every record as a star around the
    smallest of them. A record with one identifier is an edge from it to itself, so that
    every identifier is in the graph. Argument: identifiers, a relation or CTE of
    (record_id, node). -#}
{% macro record_edges(identifiers) %}
    select
        hubs.node as node_a,
        held.node as node_b
    from {{ identifiers }} as held
    inner join (
        select
            record_id,
            min(node) as node
        from {{ identifiers }}
        group by record_id
    ) as hubs on held.record_id = hubs.record_id
    group by hubs.node, held.node
{% endmacro %}
