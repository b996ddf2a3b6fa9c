{{ config(
    materialized='incremental',
    unique_key='node',
    incremental_strategy='delete+insert',
    on_schema_change='sync_all_columns',
    post_hook="{{ forget_nodes(ref('int_identity__nodes')) }}",
) }}

{%- set identifiers = ref('int_identity__identifiers') ~ ' as identifiers' %}

-- Only components in which a record changed are labelled anew: those of the identifiers that
-- were looked at again, and of all that their records hold, since one that is trusted again
-- ties these together.
with batches as (
    select
        coalesce(min(batch), 0) as first_batch,
        coalesce(max(batch), 0) as last_batch
    from {{ ref('int_identity__nodes') }}
),
{% if is_incremental() %}
stored as (
    select * from {{ this }}
),

changed as (
    select
        nodes.node,
        nodes.is_current and nodes.reason is null as is_trusted
    from {{ ref('int_identity__nodes') }} as nodes
    cross join (
        select coalesce(max(batch), 0) as batch from {{ this }}
    ) as integrated
    where nodes.batch > integrated.batch
),

changed_records as (
    select identifiers.record_id
    from {{ identifiers }}
    inner join changed on identifiers.node = changed.node
    where changed.is_trusted
    group by identifiers.record_id
),

near as (
    select identifiers.node
    from {{ identifiers }}
    inner join changed_records on identifiers.record_id = changed_records.record_id
    union
    select node from changed
),

touched as (
    select stored.component
    from stored
    inner join near on stored.node = near.node
    group by stored.component
),

reached as (
    select stored.node
    from stored
    inner join touched on stored.component = touched.component
    union
    select node from near
),

held as (
    select
        trusted.record_id,
        trusted.node
    from {{ ref('int_identity__trusted') }} as trusted
    inner join reached on trusted.node = reached.node
),
{% else %}
held as (
    select
        record_id,
        node
    from {{ ref('int_identity__trusted') }}
),
{% endif %}
edges as (
    {{ record_edges('held') }}
),

components as (
    {{ connected_components('edges') }}
)

select
    components.node,
    components.component,
    batches.last_batch as batch
from components
cross join batches
