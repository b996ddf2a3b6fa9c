{#- A score from 1 to 5 by the value's place in its distribution, 5 for the rows
    that sort last. Ties share a score: it is ceil(5 * cume_dist()), computed with
    whole numbers because 5 * 0.6 is not exactly 3 in binary.

    Arguments: ordering, the SQL of the window's `order by`. -#}
{% macro quintile(ordering) -%}
    {%- set peers = 'count(*) over (order by ' ~ ordering ~ ' range between unbounded preceding and current row)' -%}
    cast(
        floor((5 * {{ peers }} + count(*) over () - 1) * 1.0 / count(*) over ())
        as integer
    )
{%- endmacro %}
