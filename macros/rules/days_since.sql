{#- Whole periods of 24 hours from a time to the instant; null for null. -#}
{% macro days_since(column) -%}
    {{ adapter.dispatch('days_since', 'strata')(column) }}
{%- endmacro %}


{% macro default__days_since(column) -%}
    cast(floor(extract(epoch from ({{ as_of() }} - {{ column }})) / 86400) as integer)
{%- endmacro %}
