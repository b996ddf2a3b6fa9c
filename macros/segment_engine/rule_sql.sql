{#- The whole rule: every condition must hold. -#}
{% macro rule_sql(definition) -%}
    {%- for name, sql in definition.conditions.items() -%}
    {{ '\n    and ' if not loop.first }}({{ sql | trim }})
    {%- endfor -%}
{%- endmacro %}
