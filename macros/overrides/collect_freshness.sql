{#- What `dbt source freshness` compares with the clock: when a raw table was last loaded,
    in UTC whatever type the loader gave the column. A table that is not there, or that does
    not say when it was loaded, cannot be late: it passes, with a warning.

    Arguments: source (relation), loaded_at_field, filter (SQL condition or none). -#}
{% macro collect_freshness(source, loaded_at_field, filter) %}
    {%- set existing = load_relation(source) -%}
    {%- set column = loader_time(existing, loaded_at_field) -%}
    {%- if not column -%}
        {%- do exceptions.warn(
            source.schema ~ "." ~ source.identifier ~ (" has no column " ~ loaded_at_field if existing else " does not exist")
            ~ ": how fresh it is cannot be said"
        ) -%}
    {%- endif -%}
    {%- call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
        select
            {{ 'max(' ~ column ~ ')' if column else current_timestamp() }} as max_loaded_at,
            {{ current_timestamp() }} as snapshotted_at
        {%- if column %}
        from {{ source }}
        {{ 'where ' ~ filter if filter }}
        {%- endif %}
    {%- endcall -%}
    {{- return(load_result('collect_freshness')) -}}
{% endmacro %}
