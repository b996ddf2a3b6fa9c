{#- The value of one top-level key of a JSON object held as text, as text; null
    where the key or the object is absent.
    Arguments: expression (SQL), key. -#}
{% macro json_text(expression, key) -%}
    {{ return(adapter.dispatch('json_text', 'strata')(expression, key)) }}
{%- endmacro %}


{% macro default__json_text(expression, key) -%}
    {%- do exceptions.raise_compiler_error("json_text has no form for " ~ target.type ~ ". Engines: duckdb, postgres, spark.") -%}
{%- endmacro %}


{% macro duckdb__json_text(expression, key) -%}
    {{- return("case when json_valid(" ~ expression ~ ") then json_extract_string(" ~ expression ~ ", '$.\"" ~ key ~ "\"') end") -}}
{%- endmacro %}


{#- PostgreSQL 15 cannot ask whether text is JSON: only text that looks like an object is parsed. -#}
{% macro postgres__json_text(expression, key) -%}
    {{- return("case when trim(" ~ expression ~ ") like '{%}' then cast(" ~ expression ~ " as json) ->> '" ~ key ~ "' end") -}}
{%- endmacro %}


{% macro spark__json_text(expression, key) -%}
    {{- return("get_json_object(" ~ expression ~ ", '$." ~ key ~ "')") -}}
{%- endmacro %}
