{{ config(materialized='view') }}

with record_identifiers as (
    select * from {{ ref('int_identity__record_identifiers') }}
)

select
    record_id,
    record_type,
    source_system,
    identifier_type,
    identifier_value,
    node,
    seen_at
from record_identifiers
where is_current
