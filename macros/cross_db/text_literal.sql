{#- A text as an SQL literal, quotes escaped for the engine; null for none. -#}
{% macro text_literal(text) -%}
    {%- if text is none -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        cast({{ dbt.string_literal(dbt.escape_single_quotes(text | string)) }} as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}
