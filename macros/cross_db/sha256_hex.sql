{#- The SHA-256 of a text's UTF-8 bytes as 64 hexadecimal digits in lower case. Null for null.
    Argument: expression (SQL of the text). -#}
{% macro sha256_hex(expression) -%}
    {{- return(adapter.dispatch('sha256_hex', 'strata')(expression)) -}}
{%- endmacro %}


{% macro default__sha256_hex(expression) -%}
    {%- do exceptions.raise_compiler_error("sha256_hex has no form for " ~ target.type ~ ". Engines: duckdb, postgres, spark.") -%}
{%- endmacro %}


{% macro duckdb__sha256_hex(expression) -%}
    {{- return("sha256(" ~ expression ~ ")") -}}
{%- endmacro %}


{% macro postgres__sha256_hex(expression) -%}
    {{- return("encode(sha256(convert_to(" ~ expression ~ ", 'UTF8')), 'hex')") -}}
{%- endmacro %}


{% macro spark__sha256_hex(expression) -%}
    {{- return("sha2(" ~ expression ~ ", 256)") -}}
{%- endmacro %}
