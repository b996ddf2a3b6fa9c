{#- The last calendar day (UTC) that had begun before the instant: at midnight it
    is the day that just ended. Windows of calendar days end with it. -#}
{% macro as_of_date() -%}
    cast({{ as_of() }} - interval '1' second as date)
{%- endmacro %}
