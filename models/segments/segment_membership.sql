{{ config(materialized='view') }}

with history as (
    select * from {{ ref('segment_membership_history') }}
),

open_stays as (
    select
        segment_id,
        entity,
        entity_id,
        coalesce(entered_at, valid_from) as entered_at,
        entry_reason,
        definition_version
    from history
    where valid_to is null
)

{{ select_contract('open_stays') }}
