{#- The last calendar day (UTC) that had begun before the instant: at midnight it
    is the day that just ended. Windows of calendar days end with it. -#}
{% macro as_of_date() -%}
    cast({{ as_of() }} - interval '1' second as date)
{%- endmacro %}


{#- Whether a time lies in the window of `days` times 24 hours that ends at the
    instant: later than its start, not later than its end.

        ( as_of - days ........ as_of ]
-#}
{% macro within_last(column, days) -%}
    ({{ column }} > {{ as_of() }} - interval '{{ days }}' day and {{ column }} <= {{ as_of() }})
{%- endmacro %}


{#- Whole periods of 24 hours from a time to the instant; null for null. -#}
{% macro days_since(column) -%}
    {{ adapter.dispatch('days_since', 'strata')(column) }}
{%- endmacro %}


{% macro default__days_since(column) -%}
    cast(floor(extract(epoch from ({{ as_of() }} - {{ column }})) / 86400) as integer)
{%- endmacro %}


{#- Calendar days (UTC) from the date of a time to the date of the instant. -#}
{% macro calendar_days_since(column) -%}
    cast(cast({{ as_of() }} as date) - cast({{ column }} as date) as integer)
{%- endmacro %}


{#- Whether a time lies on one of the `days` calendar days (UTC) that end with
    `as_of_date()`. A count of active days over it never exceeds `days`. -#}
{% macro calendar_window(column, days) -%}
    (
        cast({{ column }} as date) > cast({{ as_of_date() }} - interval '{{ days }}' day as date)
        and cast({{ column }} as date) <= {{ as_of_date() }}
    )
{%- endmacro %}
