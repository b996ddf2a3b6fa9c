{#- Hours from a time to the instant, with two decimals; null for null. -#}
{% macro hours_since(column) -%}
    {{ adapter.dispatch('hours_since', 'strata')(column) }}
{%- endmacro %}


{% macro default__hours_since(column) -%}
    cast(extract(epoch from ({{ as_of() }} - {{ column }})) / 3600.0 as decimal(18, 2))
{%- endmacro %}
