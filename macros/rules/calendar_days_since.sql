{#- Calendar days (UTC) from the date of a time to the date of the instant. -#}
{% macro calendar_days_since(column) -%}
    cast(cast({{ as_of() }} as date) - cast({{ column }} as date) as integer)
{%- endmacro %}
