{#- Event names as the right side of `in`; a list without a name holds the empty text,
    which no event is called. Argument: names, a list, in which null is left out. -#}
{% macro event_names(names) -%}
    {%- set literals = [] -%}
    {%- for name in names if name is not none -%}
        {%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(name))) -%}
    {%- endfor -%}
    ({{ literals | join(', ') or "''" }})
{%- endmacro %}
