{#- The segments that the rule of a segment refers to. -#}
{% macro segment_references(definition) %}
    {{- return([]) -}}
{% endmacro %}
