{{ config(materialized='view') }}

select
    segment_id,
    entity,
    entity_id
from {{ ref('segment_evaluation') }}
where outcome in ('condition_met', 'manual_include')
