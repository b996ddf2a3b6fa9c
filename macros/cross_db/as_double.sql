{#- A number as a double, eight bytes: engines name the type differently, and what one calls
    `float` has four on another. Argument: expression (SQL of a number). -#}
{% macro as_double(expression) -%}
    {{ return(adapter.dispatch('as_double', 'strata')(expression)) }}
{%- endmacro %}


{% macro default__as_double(expression) -%}
    {{- return("cast(" ~ expression ~ " as double precision)") -}}
{%- endmacro %}


{% macro spark__as_double(expression) -%}
    {{- return("cast(" ~ expression ~ " as double)") -}}
{%- endmacro %}
