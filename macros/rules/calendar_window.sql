{#- Whether a time lies on one of the `days` calendar days (UTC) that end with
    `as_of_date()`. A count of active days over it never exceeds `days`. -#}
{% macro calendar_window(column, days) -%}
    (
        cast({{ column }} as date) > cast({{ as_of_date() }} - interval '{{ days }}' day as date)
        and cast({{ column }} as date) <= {{ as_of_date() }}
    )
{%- endmacro %}
