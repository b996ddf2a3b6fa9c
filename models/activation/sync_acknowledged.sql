{{ config(materialized='view') }}

select
    sync_name,
    entity_key,
    identifier,
    acknowledged_hash as payload_hash,
    delivered_at
from {{ ref('sync_ledger') }}
where acknowledged_hash is not null
