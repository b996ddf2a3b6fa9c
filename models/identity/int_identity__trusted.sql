{{ config(materialized='view') }}

with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

distrusted as (
    select * from {{ ref('int_identity__distrusted') }}
)

select
    identifiers.record_id,
    identifiers.record_type,
    identifiers.source_system,
    identifiers.identifier_type,
    identifiers.identifier_value,
    identifiers.node,
    identifiers.seen_at
from identifiers
left join distrusted on identifiers.node = distrusted.node
where distrusted.node is null
