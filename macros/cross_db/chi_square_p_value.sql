{#- The chance that a chi-square variable of so many degrees of freedom is at least x; null for
    null, for x below 0 and for degrees that are not 1 to 9. The finite sums 26.4.4
    (odd degrees) and 26.4.5 (even) of Abramowitz & Stegun, Handbook of Mathematical Functions
    (1964), exact but for rounding and normal_cdf.

    Arguments: x (SQL of a double; name a column), degrees (SQL of a whole number). -#}
{% macro chi_square_p_value(x, degrees) -%}
    {%- set root = 'sqrt(' ~ x ~ ')' -%}
    {#- exp() of less than this is refused as too small by PostgreSQL; the chance is 0 long before. -#}
    {%- set density = 'exp(-least(' ~ x ~ ', 1400) / 2)' -%}
    {%- set odd, even = ["0"], ["1"] -%}
    {%- set products = namespace(odd=1, even=1) -%}
    {%- for r in range(1, 5) -%}
        {%- set products.odd = products.odd * (2 * r - 1) -%}
        {%- set products.even = products.even * 2 * r -%}
        {%- do odd.append(
            'case when ' ~ degrees ~ ' > ' ~ (2 * r) ~ ' then power(' ~ root ~ ', ' ~ (2 * r - 1) ~ ') / ' ~ products.odd
            ~ ' else 0 end'
        ) -%}
        {%- do even.append(
            'case when ' ~ degrees ~ ' > ' ~ (2 * r + 1) ~ ' then power(' ~ x ~ ', ' ~ r ~ ') / ' ~ products.even
            ~ ' else 0 end'
        ) -%}
    {%- endfor -%}
    (case
        when {{ x }} < 0 then null
        when {{ degrees }} in (1, 3, 5, 7, 9)
            then
                2 * {{ normal_cdf('(-' ~ root ~ ')') }}
                + 0.797884560802865356 * {{ density }} * ({{ odd | join(' + ') }})
        when {{ degrees }} in (2, 4, 6, 8) then {{ density }} * ({{ even | join(' + ') }})
    end)
{%- endmacro %}
