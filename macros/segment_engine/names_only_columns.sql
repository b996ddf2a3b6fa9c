{#- Whether a rule compares nothing but columns of the row it is about: no subquery, and no
    marker that stands for one.
    Argument: definition. -#}
{% macro names_only_columns(definition) %}
    {%- set sql = definition.conditions.values() | map('string') | join(' ') | lower -%}
    {{- return('__' not in sql and not modules.re.search('\\bselect\\b', sql)) -}}
{% endmacro %}
