{#- One whole number divided by another, rounded half up to a number of decimals; null for
    a zero denominator. Counted with whole numbers, because 2.175 is a little less than
    that in binary and engines would round it differently.
    Arguments: numerator, denominator (SQL of whole numbers, not negative), decimals. -#}
{% macro ratio(numerator, denominator, decimals) -%}
    {%- set scale = 10 ** decimals -%}
    cast(
        cast(
            floor(
                ({{ 2 * scale }} * ({{ numerator }}) + ({{ denominator }})) * 1.0
                / nullif(2 * ({{ denominator }}), 0)
            ) as bigint
        ) * 0.{{ '0' * (decimals - 1) }}1 as decimal(18, {{ decimals }})
    )
{%- endmacro %}
