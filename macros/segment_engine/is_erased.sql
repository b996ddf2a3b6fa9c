{#- Whether a row is of a customer who was erased, whom a random id stands for (`strata erase`).
    Argument: alias, of rows with entity and entity_id. -#}
{% macro is_erased(alias) -%}
    ({{ alias }}.entity = 'customer' and {{ alias }}.entity_id like 'erased^_%' escape '^')
{%- endmacro %}
