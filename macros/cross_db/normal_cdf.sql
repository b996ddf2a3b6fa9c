{#- The share of the standard normal distribution that lies below a value; null for null. Off
    by less than 1e-14, and in the lower tail, down to -37, by less than a hundred-millionth of
    the share; for a small share above x ask for the one below -x.

    Up to 10/sqrt(2) from the middle the rational approximation of Hart et al., Computer
    Approximations (Wiley 1968), no. 5666; beyond it the continued fraction 26.2.14 of
    Abramowitz & Stegun, Handbook of Mathematical Functions (1964). Both as G. West joined them
    in Better Approximations to Cumulative Normal Functions, Wilmott Magazine (May 2005), 70-76.

    Argument: x (SQL of a double; it is written some twenty times, so name a column). -#}
{% macro normal_cdf(x) -%}
    {%- set size = 'abs(' ~ x ~ ')' -%}
    {%- set numerator = _horner(size, [
        '0.0352624965998911', '0.700383064443688', '6.37396220353165', '33.912866078383', '112.079291497871',
        '221.213596169931', '220.206867912376',
    ]) -%}
    {%- set denominator = _horner(size, [
        '0.0883883476483184', '1.75566716318264', '16.064177579207', '86.7807322029461', '296.564248779674',
        '637.333633378831', '793.826512519948', '440.413735824752',
    ]) -%}
    {%- set fraction = namespace(sql=size ~ ' + 0.65') -%}
    {%- for step in (4, 3, 2, 1) -%}
        {%- set fraction.sql = size ~ ' + ' ~ step ~ ' / (' ~ fraction.sql ~ ')' -%}
    {%- endfor -%}
    {#- PostgreSQL refuses a result too small for a double, so that nothing is asked beyond 37. -#}
    {%- set density = 'exp(-least(' ~ size ~ ', 37) * least(' ~ size ~ ', 37) / 2)' -%}
    {%- set tail -%}
        {{ density }} * case
            when {{ size }} < 7.07106781186547 then ({{ numerator }}) / ({{ denominator }})
            else 1 / (({{ fraction.sql }}) * 2.506628274631000502)
        end
    {%- endset -%}
    abs(case when {{ x }} > 0 then 1 else 0 end - {{ tail }})
{%- endmacro %}


{#- A polynomial, from its highest coefficient to its lowest. -#}
{% macro _horner(x, coefficients) -%}
    {%- set sum = namespace(sql=coefficients[0]) -%}
    {%- for coefficient in coefficients[1:] -%}
        {%- set sum.sql = '(' ~ sum.sql ~ ') * ' ~ x ~ ' + ' ~ coefficient -%}
    {%- endfor -%}
    {{- return(sum.sql) -}}
{%- endmacro %}
