{#- Whether a score lies between two numbers, both included; an unknown score does not.
    Arguments: column, c.<column> or a.<column>; low; high. -#}
{% macro score_between(column, low, high) -%}
    {%- do checked_column('score_between', column) -%}
    {%- for argument, value in {'low': low, 'high': high}.items() if value is not number or value is boolean -%}
        {%- do exceptions.raise_compiler_error(
            "score_between() is given the " ~ argument ~ " " ~ tojson(value) ~ ". It takes a number."
        ) -%}
    {%- endfor -%}
    {%- if low > high -%}
        {%- do exceptions.raise_compiler_error(
            "score_between() is given low " ~ low ~ " and high " ~ high ~ ". low is at most high."
        ) -%}
    {%- endif -%}
    {{ column }} between {{ low }} and {{ high }}
{%- endmacro %}
