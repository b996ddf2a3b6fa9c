{#- Lets the next refresh build everything: what it left out, because its sources did not change,
    may have been built in between by hand. -#}
{% macro forget_source_cursors() %}
    {%- set cursors = load_relation(
        api.Relation.create(database=target.database, schema='operations', identifier='source_cursors')
    ) -%}
    {%- if cursors -%}
        {%- call statement('forget_source_cursors', auto_begin=true) -%}
            delete from {{ cursors }}
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
{% endmacro %}
