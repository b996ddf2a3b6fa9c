{#- Before the demo's seeds are loaded: never overwrite somebody's landed data.
    A raw schema that holds tables but was not made by the demo stops the run;
    one that is empty is marked as the demo's. -#}
{% macro claim_demo_schemas() %}
    {%- set schemas = {} -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'seed' and 'demo' in node.fqn and node.unique_id in selected_resources -%}
        {%- do schemas.update({node.schema: node.database}) -%}
    {%- endfor -%}
    {%- for schema, database in schemas.items() -%}
        {%- set marker = api.Relation.create(database=database, schema=schema, identifier='strata_demo', type='table') -%}
        {%- set held = list_relations_without_caching(marker.without_identifier()).columns['name'].values() | list -%}
        {%- if held and 'strata_demo' not in held -%}
            {%- do exceptions.raise_compiler_error(
                "The schema " ~ schema ~ " already holds tables that the demo did not make ("
                ~ held | sort | join(', ') ~ "), and the demo would overwrite those of its own names. "
                ~ "Set demo_data: false in dbt_project.yml to work with your own data, "
                ~ "or choose another database for the demo."
            ) -%}
        {%- elif not held -%}
            {#- Committed here: DuckDB ends a hook's transaction without keeping it. -#}
            {%- call statement('claim', auto_begin=true) -%}
                create table {{ marker }} as select 'strata' as made_by
            {%- endcall -%}
            {%- do adapter.commit() -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
