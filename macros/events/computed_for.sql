{#- What the features of a customer about whom nothing happened depend on: the run's day
    (midnight belongs to two: `as_of_date` and `calendar_days_since`) and how the model
    computes them. An incremental table of features keeps it in `computed_for` and is computed
    as a whole when it changes. -#}
{% macro computed_for() -%}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set day = as_of_text()[:10] ~ (' midnight' if as_of_text()[11:] == '00:00:00' else '') -%}
    {{- return(day ~ ' ' ~ made_from(['events'])) -}}
{%- endmacro %}
