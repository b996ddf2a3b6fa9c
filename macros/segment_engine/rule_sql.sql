{#- The whole rule: every condition must hold.
    Arguments: definition; example and relations, as for resolve_markers. -#}
{% macro rule_sql(definition, example=none, relations={}) -%}
    {%- for name, sql in definition.conditions.items() -%}
    {{ '\n    and ' if not loop.first }}({{ resolve_markers(sql | trim, definition, example, relations) }})
    {%- endfor -%}
{%- endmacro %}
