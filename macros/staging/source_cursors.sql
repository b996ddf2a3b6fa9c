{#- One row per raw table that exists and that an adapter of this run reads: source_system,
    table_name, row_count, loaded_count (rows that say when they were loaded), last_loaded_at,
    and passed, 1 if a time of a row is after `since` and not after the instant, else 0.

    Staging compares the times of a row with the instant. So where a table has the rows that it
    had, and the instant passed none of their times, what reads it comes out as before.
    Arguments: since (an earlier instant, as text; none if there is none). -#}
{% macro source_cursors(since=none) %}
    {%- for table in (_raw_tables_in_use() if execute else []) %}
    {%- set node = _source_node(table.system, table.name) -%}
    {%- set declared = node.columns -%}
    {%- set passed = [] -%}
    {%- for name, column in declared.items() if since and column.data_type in ('timestamp', 'date') -%}
        {%- do passed.append("landed." ~ name ~ " > timestamp '" ~ since ~ "' and landed." ~ name ~ ' <= ' ~ as_of()) -%}
    {%- endfor %}
    select
        '{{ table.system }}' as source_system,
        '{{ table.name }}' as table_name,
        count(*) as row_count,
        {% if table.loaded_at_field in declared -%}
        count(landed.{{ table.loaded_at_field }}) as loaded_count,
        max(landed.{{ table.loaded_at_field }}) as last_loaded_at,
        {%- else -%}
        count(case when 1 = 0 then 1 end) as loaded_count,
        cast(null as {{ dbt.type_timestamp() }}) as last_loaded_at,
        {%- endif %}
        {% if passed -%}
        coalesce(max(case when {{ passed | join(' or ') }} then 1 else 0 end), 0) as passed
        {%- else -%}
        0 as passed
        {%- endif %}
    from ({{ _landed_rows(node, table.relation) }}) as landed
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ no_rows({
        'source_system': {'data_type': 'string'},
        'table_name': {'data_type': 'string'},
        'row_count': {'data_type': 'bigint'},
        'loaded_count': {'data_type': 'bigint'},
        'last_loaded_at': {'data_type': 'timestamp'},
        'passed': {'data_type': 'integer'},
    }) }}
    {%- endfor %}
{% endmacro %}
