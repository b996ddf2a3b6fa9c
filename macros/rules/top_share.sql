{#- Whether a column's value is among the largest share of those that are known, ties of
    the smallest of them included. Of 15 values, the top 0.1 are two: the share is rounded
    up. Counted with whole numbers, because 0.1 * 30 is a little more than 3 in binary.

    Arguments: column, c.<column> among all customers or a.<column> among all accounts;
    share, more than 0 and at most 1, with up to four decimals. -#}
{% macro top_share(column, share) -%}
    {%- do checked_column('top_share', column) -%}
    {%- set whole = (share * 10000) | round | int if share is number and share is not boolean else 0 -%}
    {%- if whole < 1 or whole > 10000 or (share * 10000 - whole) | abs > 0.000001 -%}
        {%- do exceptions.raise_compiler_error(
            "top_share() is given the share " ~ tojson(share)
            ~ ". It takes a number above 0 and up to 1, with at most four decimals, such as 0.1 for the top 10%."
        ) -%}
    {%- endif -%}
    {%- set name = column[2:] -%}
    {%- set population = '__customer_360__' if column[0] == 'c' else '__account_360__' -%}
    {{ column }} >= (select min({{ name }}) from (select {{ name }}, rank() over (order by {{ name }} desc) as place, count(*) over () as known_count from {{ population }} as population where {{ name }} is not null) as ranked where (place - 1) * 10000 < {{ whole }} * known_count)
{%- endmacro %}
