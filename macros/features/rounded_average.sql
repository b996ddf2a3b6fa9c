{#- The mean of values with two decimals, itself rounded half up to two decimals, as an
    aggregate; null for no value. Counted in whole hundredths: the mean of 79.86 and 79.87
    is 79.87 as a decimal and 79.86 as a floating-point number, which is what some engines
    average in. Argument: expression (SQL of a number). -#}
{% macro rounded_average(expression) -%}
    {%- set hundredths = "sum(cast((" ~ expression ~ ") * 100 as bigint))" -%}
    {%- set values = "count(" ~ expression ~ ")" -%}
    cast(
        cast(floor((2 * {{ hundredths }} + {{ values }}) / (2.0 * nullif({{ values }}, 0))) as bigint) / 100.0
        as decimal(18, 2)
    )
{%- endmacro %}
