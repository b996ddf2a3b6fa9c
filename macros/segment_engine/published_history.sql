{#- The membership history as earlier runs left it; no rows before the first run.
    It is read as a source because this run will write it further down the graph. -#}
{% macro published_history() -%}
    {%- set relation = source('published', 'segment_membership_history') -%}
    {%- if execute and load_relation(relation) -%}
        {{ relation }}
    {%- else -%}
(
    select
        cast(null as {{ dbt.type_string() }}) as segment_id,
        cast(null as {{ dbt.type_string() }}) as entity,
        cast(null as {{ dbt.type_string() }}) as entity_id,
        cast(null as timestamp) as valid_from,
        cast(null as timestamp) as valid_to
    from (select 1 as nothing) as absent
    where 1 = 0
)
    {%- endif -%}
{%- endmacro %}
