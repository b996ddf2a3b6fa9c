{#- Whether a list of the 360 (items separated by commas, lower case) holds an item; null
    where there is no list. Compared item by item: `audit` does not hold `it`.
    Arguments: column, item (text). -#}
{% macro has_item(column, item) -%}
    position({{ dbt.string_literal(dbt.escape_single_quotes(',' ~ item | lower ~ ',')) }} in ',' || {{ column }} || ',') > 0
{%- endmacro %}
