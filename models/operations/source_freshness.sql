{#- Reads the raw tables of the adapters that are part of this run, and comes after them. -#}
{%- for domain, systems in staging_adapters().items() -%}
    {%- for entity in systems.generic -%}
        {%- do ref('stg_' ~ domain ~ '__' ~ entity) -%}
    {%- endfor -%}
{%- endfor -%}
{%- set landed = {} -%}
{%- for name, column in model.columns.items() if execute and name not in ('as_of', 'hours_behind', 'status') -%}
    {%- do landed.update({name: column}) -%}
{%- endfor -%}
{%- set tables = raw_tables_in_use() if execute else [] %}

with loads as (
    {%- for table in tables %}
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
    {{ no_rows(landed) }}
    {%- endfor %}
),

aged as (
    select
        *,
        {{ hours_since('last_loaded_at') }} as hours_behind
    from loads
),

judged as (
    select
        *,
        {{ as_of() }} as as_of,
        case
            when hours_behind is null or warn_after_hours is null and error_after_hours is null then 'unknown'
            when hours_behind > error_after_hours then 'error'
            when hours_behind > warn_after_hours then 'warn'
            else 'pass'
        end as status
    from aged
)

{{ select_contract('judged') }}
