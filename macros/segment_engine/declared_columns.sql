{#- The body of a state table: no rows, the declared columns and types. -#}
{% macro declared_columns() -%}
    {%- if not execute -%}{{- return('select 1 as nothing') -}}{%- endif -%}
    {{ no_rows(model.columns) }}
{%- endmacro %}
