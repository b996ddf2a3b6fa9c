{#- A list that people wrote as text, made comparable: items in lower case, trimmed, each
    once, in alphabetical order, separated by one comma. Null for a list of nothing.
    Commas and semicolons separate items.
    Argument: expression (SQL of the text). -#}
{% macro comma_list(expression) -%}
    {{ return(adapter.dispatch('comma_list', 'strata')("replace(lower(" ~ expression ~ "), ';', ',')")) }}
{%- endmacro %}


{% macro default__comma_list(expression) -%}
    {%- do exceptions.raise_compiler_error("comma_list has no form for " ~ target.type ~ ". Engines: duckdb, postgres, spark.") -%}
{%- endmacro %}


{% macro duckdb__comma_list(expression) -%}
    {{- return(
        "nullif(array_to_string(list_sort(list_distinct(list_filter(list_transform(string_split(" ~ expression
        ~ ", ','), lambda item: trim(item)), lambda item: item <> ''))), ','), '')"
    ) -}}
{%- endmacro %}


{#- The collation keeps the order that of the other engines, whatever the database's locale. -#}
{% macro postgres__comma_list(expression) -%}
    {{- return(
        "(select string_agg(distinct trim(item) collate \"C\", ',' order by trim(item) collate \"C\") "
        ~ "from unnest(string_to_array(" ~ expression ~ ", ',')) as items (item) where trim(item) <> '')"
    ) -}}
{%- endmacro %}


{% macro spark__comma_list(expression) -%}
    {{- return(
        "nullif(array_join(sort_array(array_distinct(filter(transform(split(" ~ expression
        ~ ", ','), item -> trim(item)), item -> item <> ''))), ','), '')"
    ) -}}
{%- endmacro %}
