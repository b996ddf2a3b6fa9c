{#- Pre-hook of the tables that add the rows of `touched_visitors`: deletes what they have of
    them, and all where all of it is computed anew. Rows that a model then adds are of visitors
    of whom the table holds none, whether or not an earlier run was cut off.

    Arguments: visitor, the table's column that names them; computed_for, as of touched_visitors. -#}
{% macro forget_visitors(visitor, computed_for=none) %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            {{ visitor }} in (select touched.visitor from ({{ touched_visitors(computed_for) }}) as touched)
            or (select known.is_outdated from ({{ integrated_visitors(computed_for) }}) as known) = 1
    {%- endif -%}
{% endmacro %}
