{#- For an example's value: the time n days before the instant. -#}
{% macro days_ago(n) %}
    {{- return({'days_ago': n}) -}}
{% endmacro %}
