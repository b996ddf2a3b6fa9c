{{ config(materialized='view') }}

-- A stay of no length was retracted by a later run of the same instant.
with stays as (
    select * from {{ ref('segment_membership_history') }}
    where valid_to is null or valid_to > valid_from
),

changes as (
    select
        segment_id,
        entity,
        entity_id,
        'entered' as change,
        valid_from as changed_at,
        entry_reason as reason,
        continued_from is not null as is_move,
        definition_version
    from stays

    union all

    select
        segment_id,
        entity,
        entity_id,
        'exited' as change,
        valid_to as changed_at,
        exit_reason as reason,
        continued_as is not null as is_move,
        definition_version
    from stays
    where valid_to is not null
)

{{ select_contract('changes') }}
