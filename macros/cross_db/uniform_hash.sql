{#- A number between 0 and 1, neither of them included, that is always the same for a text and
    uniform over different texts: the first 52 bits of the text's md5 and a half, of 2^52, a
    double without rounding, the same on every engine. Null for null.
    Argument: expression (SQL of the text). -#}
{% macro uniform_hash(expression) -%}
    {%- set digits = "substring(md5(cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")) from 1 for 13)" -%}
    {%- set number = adapter.dispatch('uniform_hash', 'strata')(digits) -%}
    {{- return("((" ~ as_double(number) ~ " + 0.5) / 4503599627370496)") -}}
{%- endmacro %}


{% macro default__uniform_hash(digits) -%}
    {%- do exceptions.raise_compiler_error("uniform_hash has no form for " ~ target.type ~ ". Engines: duckdb, postgres, spark.") -%}
{%- endmacro %}


{% macro duckdb__uniform_hash(digits) -%}
    {{- return("cast('0x' || " ~ digits ~ " as bigint)") -}}
{%- endmacro %}


{% macro postgres__uniform_hash(digits) -%}
    {{- return("cast(cast('x' || " ~ digits ~ " as bit(52)) as bigint)") -}}
{%- endmacro %}


{% macro spark__uniform_hash(digits) -%}
    {{- return("cast(conv(" ~ digits ~ ", 16, 10) as bigint)") -}}
{%- endmacro %}
