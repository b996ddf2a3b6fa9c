{#- The id of this run, the same in every dbt invocation that is part of it. -#}
{% macro run_id() -%}
    {{ var('run_id', none) or invocation_id }}
{%- endmacro %}
