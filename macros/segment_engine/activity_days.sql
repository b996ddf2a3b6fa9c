{#- Condition on a row of daily activity: its day is one of the `days` calendar days that
    end `until` days before as_of_date(); with days none, that day or any before it. -#}
{% macro activity_days(days=none, until=0) -%}
    {%- set last_day = as_of_date() | trim -%}
    {%- if days is not none -%}activity_on > {{ last_day }} - {{ until + days }} and {% endif -%}
    activity_on <= {{ last_day }}{{ ' - ' ~ until if until }}
{%- endmacro %}
