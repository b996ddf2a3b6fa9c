{#- The raw tables that exist and that an adapter of this run reads, in order of system and
    name, each with: system, name, relation, loaded_at_field, warn_after_hours,
    error_after_hours (none where the source says nothing). Only while a model runs. -#}
{% macro raw_tables_in_use() %}
    {%- set read = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'staging' -%}
        {%- do read.extend(node.depends_on.nodes) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for unique_id in read | unique | sort if unique_id in graph.sources -%}
        {%- set source = graph.sources[unique_id] -%}
        {%- set relation = load_relation(api.Relation.create(
            database=source.database, schema=source.schema, identifier=source.identifier
        )) -%}
        {%- if relation -%}
            {%- set bounds = source.freshness or {} -%}
            {%- do found.append({
                'system': source.source_name,
                'name': source.name,
                'relation': relation,
                'loaded_at_field': source.loaded_at_field,
                'warn_after_hours': _in_hours(bounds.warn_after),
                'error_after_hours': _in_hours(bounds.error_after),
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _in_hours(bound) %}
    {%- if bound and bound.count -%}
        {%- set units = {'minute': 1 / 60, 'hour': 1, 'day': 24} -%}
        {{- return((bound.count | int * units[bound.period | string]) | round(0, 'ceil') | int) -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
