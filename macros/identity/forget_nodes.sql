{#- Deletes from the model's table the nodes that are in no edge any more. A post-hook of
    an incremental model, which by itself only replaces what it selects.
    Argument: edges, a relation of (node_a, node_b). -#}
{% macro forget_nodes(edges) %}
    delete from {{ this }}
    where not exists (
        select 1
        from (
            select node_a as known_node from {{ edges }}
            union all
            select node_b as known_node from {{ edges }}
        ) as known
        where known.known_node = {{ this }}.node
    )
{% endmacro %}
