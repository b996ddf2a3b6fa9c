{#- The currency that amounts are converted to, upper case. -#}
{% macro reporting_currency() -%}
    {{- return(var('reporting_currency', 'USD') | upper) -}}
{%- endmacro %}
