{#- A JSON object as text; null where every value is null.
    Argument: values (key: SQL of its value, text). -#}
{% macro json_object(values) -%}
    case
        when coalesce({{ values.values() | join(', ') }}) is not null
            then {{ adapter.dispatch('json_object', 'strata')(values) }}
    end
{%- endmacro %}


{% macro default__json_object(values) -%}
    {%- do exceptions.raise_compiler_error("json_object has no form for " ~ target.type ~ ". Engines: duckdb, postgres, spark.") -%}
{%- endmacro %}


{% macro duckdb__json_object(values) -%}
    cast(json_object({% for key, value in values.items() %}'{{ key }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}) as varchar)
{%- endmacro %}


{% macro postgres__json_object(values) -%}
    cast(json_build_object({% for key, value in values.items() %}'{{ key }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}) as text)
{%- endmacro %}


{% macro spark__json_object(values) -%}
    to_json(named_struct({% for key, value in values.items() %}'{{ key }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}
