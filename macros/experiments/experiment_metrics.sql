{#- The metrics that an experiment can measure, each with the domain whose data it needs. -#}
{% macro experiment_metrics() -%}
    {{- return({'revenue': 'billing', 'purchase_count': 'billing', 'session_count': 'events'}) -}}
{%- endmacro %}
