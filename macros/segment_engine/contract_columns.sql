{#- The contract of the 360 of an entity: {column: type}. -#}
{% macro contract_columns(entity) %}
    {%- set columns = {} -%}
    {%- for name, column in graph.nodes['model.strata.' ~ entity ~ '_360'].columns.items() -%}
        {%- do columns.update({name: column.data_type}) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}
