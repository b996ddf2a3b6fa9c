{#- Post-hook of the tables over `touched_visitors`: deletes the rows of visitors who were
    computed anew and have none any more, or who are no visitors any more.
    Argument: visitor, the table's column that names them. -#}
{% macro forget_visitors(visitor) %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1
            from {{ ref('int_events__visitors') }} as visitors
            where visitors.visitor = {{ this }}.{{ visitor }} and visitors.batch = {{ this }}.batch
        )
    {%- endif -%}
{% endmacro %}
