{{ config(
    materialized='incremental',
    unique_key=['segment_id', 'definition_version'],
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with registry as (
    select * from {{ ref('segment_registry') }}
),

known as (
    {% if is_incremental() -%}
    select
        segment_id,
        definition_version
    from {{ this }}
    {%- else -%}
    select
        segment_id,
        definition_version
    from registry
    where 1 = 0
    {%- endif %}
)

select
    registry.segment_id,
    registry.definition_version,
    registry.entity,
    registry.conditions,
    registry.requires,
    registry.owner,
    {{ as_of() }} as first_as_of
from registry
left join known
    on registry.segment_id = known.segment_id and registry.definition_version = known.definition_version
where known.segment_id is null
