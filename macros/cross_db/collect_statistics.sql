{#- Post-hook of tables: tells the planner about the rows that were just written, on
    engines that would otherwise plan the next query blind. -#}
{% macro collect_statistics() -%}
    {{ return(adapter.dispatch('collect_statistics', 'strata')()) }}
{%- endmacro %}


{% macro default__collect_statistics() -%}
{%- endmacro %}


{#- Without it PostgreSQL joined 17,000 events to 7,000 identifiers by nested loops: 58 s
    instead of 1 s. -#}
{% macro postgres__collect_statistics() -%}
    {%- if model.config.materialized != 'view' -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
