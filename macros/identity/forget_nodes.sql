{#- Deletes from the model's table the nodes that no record holds any more, or that are not
    trusted any more. A post-hook of an incremental model, which by itself only replaces what
    it selects. Rows older than every node are left from before all of them were computed anew.
    Argument: nodes, the relation of nodes. -#}
{% macro forget_nodes(nodes) %}
    delete from {{ this }}
    where
        {{ this }}.batch < (select min(batch) from {{ nodes }})
        or {{ this }}.node in (select node from {{ nodes }} where not is_current or reason is not null)
{% endmacro %}
