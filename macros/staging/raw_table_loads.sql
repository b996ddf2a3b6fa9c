{#- One row per raw table that exists and that an adapter of this run reads: source_system,
    table_name, loaded_at_column (null where the table has none), last_loaded_at (not after the
    instant), and the hours after which its source calls it late. The body of a CTE; the model
    comes after every staging interface. -#}
{% macro raw_table_loads() %}
    {%- for domain, systems in staging_adapters().items() -%}
        {%- for entity in systems.generic -%}
            {%- do ref('stg_' ~ domain ~ '__' ~ entity) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for table in (_raw_tables_in_use() if execute else []) %}
    {%- set loaded_at = loader_time(table.relation, table.loaded_at_field) %}
    select
        '{{ table.system }}' as source_system,
        '{{ table.name }}' as table_name,
        {{ text_literal(table.loaded_at_field if loaded_at else none) }} as loaded_at_column,
        {% if loaded_at -%}
        max(case when {{ loaded_at }} <= {{ as_of() }} then {{ loaded_at }} end)
        {%- else -%}
        cast(null as {{ dbt.type_timestamp() }})
        {%- endif %} as last_loaded_at,
        cast({{ table.warn_after_hours or 'null' }} as integer) as warn_after_hours,
        cast({{ table.error_after_hours or 'null' }} as integer) as error_after_hours
    {%- if loaded_at %}
    from {{ table.relation }}
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ no_rows({
        'source_system': {'data_type': 'string'},
        'table_name': {'data_type': 'string'},
        'loaded_at_column': {'data_type': 'string'},
        'last_loaded_at': {'data_type': 'timestamp'},
        'warn_after_hours': {'data_type': 'integer'},
        'error_after_hours': {'data_type': 'integer'},
    }) }}
    {%- endfor %}
{% endmacro %}


{#- Each with: system, name, relation, loaded_at_field, warn_after_hours, error_after_hours
    (none where the source says nothing), in order of system and name. -#}
{% macro _raw_tables_in_use() %}
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
