{{ config(
    materialized='incremental',
    unique_key='stay_id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

-- The stays that touch the instant are compared with this run's evaluation: a stay that was
-- open just before the instant, or was opened at it by an earlier run of the same instant, is
-- kept, closed or reopened; a candidate without such a stay starts one. Running an instant
-- again therefore changes nothing, and running it over corrected data leaves what a first
-- run over them would have left.
with verdicts as (
    select * from {{ ref('segment_verdicts') }}
    where run_id = '{{ run_id() }}'
),

published as (
    select
        segment_id,
        definition_version,
        previous_as_of,
        coalesce(previous_definition_version <> definition_version, false) as is_redefined
    from verdicts
    where verdict = 'publish'
),

registry as (
    select
        segment_id,
        entity
    from {{ ref('segment_registry') }}
),

{% if is_incremental() -%}
recorded as (
    select {{ columns_or_null(this, model.columns) }}
    from {{ this }}
),
{%- else -%}
recorded as (
    {{ no_rows(model.columns) if execute else 'select 1 as nothing' }}
),
{%- endif %}

stays as (
    select *
    from recorded
    where
        valid_from <= {{ as_of() }}
        and (valid_to is null or valid_to >= {{ as_of() }})
),

candidates as (
    select
        segment_id,
        entity_id
    from {{ ref('segment_evaluation') }}
    where outcome in ('condition_met', 'manual_include')
),

-- Everything but the open stays of those who are still candidates, which remain as they are.
-- All members are compared here, so candidates bring nothing but their key, and what else is
-- known of a segment or an entity is joined to the few that are left.
differing as (
    select
        coalesce(stays.segment_id, candidates.segment_id) as segment_id,
        coalesce(stays.entity_id, candidates.entity_id) as entity_id,
        stays.entity as recorded_entity,
        stays.stay_id,
        stays.valid_from,
        stays.valid_to,
        stays.entered_at,
        stays.entry_reason,
        stays.exit_reason,
        stays.continued_from,
        stays.continued_as,
        stays.definition_version,
        stays.run_id,
        stays.exit_run_id,
        candidates.segment_id is not null as is_candidate
    from stays
    full outer join candidates on stays.segment_id = candidates.segment_id and stays.entity_id = candidates.entity_id
    where
        stays.segment_id is null
        or candidates.segment_id is null
        or stays.valid_from = {{ as_of() }}
        or stays.valid_to = {{ as_of() }}
),

-- A segment that the registry of a judged run no longer holds has no file any more:
-- its members leave.
touched as (
    select
        differing.*,
        coalesce(differing.recorded_entity, registry.entity) as entity,
        registry.segment_id is null as is_segment_gone,
        evaluated.outcome
    from differing
    left join registry on differing.segment_id = registry.segment_id
    left join published on differing.segment_id = published.segment_id
    left join {{ ref('segment_evaluation') }} as evaluated
        on differing.segment_id = evaluated.segment_id
        and differing.entity_id = evaluated.entity_id
        and evaluated.outcome <> 'condition_met'
    where
        published.segment_id is not null
        or (registry.segment_id is null and exists (select judged.segment_id from verdicts as judged))
),

-- Stays of before the instant that an earlier run of it closed: should the entity be a
-- candidate after all, this stay goes on, and one opened at the instant is retracted.
closed_at_instant as (
    select
        segment_id,
        entity_id
    {#- Not `touched`: DuckDB would keep a copy of it, all members of a first run, if it was read twice. #}
    from {{ this if is_incremental() else 'recorded' }}
    where valid_from < {{ as_of() }} and valid_to = {{ as_of() }}
),

moves as (
    select * from {{ ref('int_segments__moves') }}
),

entities as (
    select
        'customer' as entity,
        customer_id as entity_id
    from {{ ref('customer_360') }}
    union all
    select
        'account' as entity,
        account_id as entity_id
    from {{ ref('account_360') }}
),

merged_entities as (
    select distinct
        entity,
        from_entity_id as entity_id
    from {{ ref('int_segments__successors') }}
    where is_gone
),

-- Who was put into a segment by hand, and until when.
included as (
    select
        segment_id,
        entity_id,
        max(until) as ended_at
    from {{ ref('segment_overrides') }}
    where action = 'include' and problem is null
    group by segment_id, entity_id
),

explained as (
    select
        touched.*,
        published.definition_version as present_version,
        moves_in.from_entity_id as moved_from,
        moves_in.entered_at as moved_entered_at,
        moves_out.to_entity_id as moved_to,
        touched.is_candidate
        and not coalesce(touched.valid_from = {{ as_of() }} and closed_at_instant.entity_id is not null, false)
            as is_member,
        case
            when moves_in.from_entity_id is not null then 'entity_merged'
            when touched.outcome = 'manual_include' then 'manual'
            when published.is_redefined then 'definition_changed'
            else 'condition_met'
        end as present_entry_reason,
        case
            when touched.is_segment_gone then 'definition_changed'
            when moves_out.to_entity_id is not null then 'entity_merged'
            when touched.outcome = 'manual_exclude' then 'manual'
            when published.is_redefined then 'definition_changed'
            when touched.outcome = 'preempted' then 'preempted'
            when merged_entities.entity_id is not null and entities.entity_id is null then 'entity_merged'
            when entities.entity_id is null and {{ is_erased('touched') }} then 'erased'
            when entities.entity_id is null then 'entity_gone'
            when included.ended_at < {{ as_of() }} and included.ended_at >= published.previous_as_of then 'manual'
            when touched.entry_reason = 'manual' and included.entity_id is null then 'manual'
            else 'condition_no_longer_met'
        end as present_exit_reason
    from touched
    left join published on touched.segment_id = published.segment_id
    left join closed_at_instant
        on touched.segment_id = closed_at_instant.segment_id and touched.entity_id = closed_at_instant.entity_id
    left join moves as moves_in
        on touched.segment_id = moves_in.segment_id
        and touched.entity_id = moves_in.to_entity_id
        and moves_in.is_entering
        and moves_in.from_position = 1
    left join moves as moves_out
        on touched.segment_id = moves_out.segment_id
        and touched.entity_id = moves_out.from_entity_id
        and moves_out.is_leaving
        and moves_out.to_position = 1
    left join entities on touched.entity = entities.entity and touched.entity_id = entities.entity_id
    left join merged_entities
        on touched.entity = merged_entities.entity and touched.entity_id = merged_entities.entity_id
    left join included on touched.segment_id = included.segment_id and touched.entity_id = included.entity_id
),

rewritten as (
    select
        explained.stay_id as recorded_stay_id,
        explained.valid_to as recorded_valid_to,
        explained.entry_reason as recorded_entry_reason,
        explained.exit_reason as recorded_exit_reason,
        explained.continued_from as recorded_continued_from,
        explained.continued_as as recorded_continued_as,
        explained.definition_version as recorded_version,
        coalesce(
            explained.stay_id,
            md5(
                explained.segment_id || '|' || explained.entity || '|' || explained.entity_id || '|{{ as_of_text() }}'
            )
        ) as stay_id,
        explained.segment_id,
        explained.entity,
        explained.entity_id,
        coalesce(explained.valid_from, {{ as_of() }}) as valid_from,
        case when not explained.is_member then {{ as_of() }} end as valid_to,
        case
            when explained.valid_from < {{ as_of() }} or not explained.is_member
                then coalesce(explained.entered_at, explained.valid_from)
            else coalesce(explained.moved_entered_at, {{ as_of() }})
        end as entered_at,
        case
            when explained.valid_from < {{ as_of() }} or not explained.is_member then explained.entry_reason
            else explained.present_entry_reason
        end as entry_reason,
        case when not explained.is_member then explained.present_exit_reason end as exit_reason,
        case
            when explained.valid_from < {{ as_of() }} or not explained.is_member then explained.continued_from
            else explained.moved_from
        end as continued_from,
        case when not explained.is_member then explained.moved_to end as continued_as,
        case
            when explained.valid_from < {{ as_of() }} or not explained.is_member then explained.definition_version
            else explained.present_version
        end as definition_version,
        coalesce(explained.run_id, '{{ run_id() }}') as run_id,
        case when not explained.is_member then coalesce(explained.exit_run_id, '{{ run_id() }}') end as exit_run_id
    from explained
),

final as (
    select * from rewritten
    where
        recorded_stay_id is null
        or recorded_valid_to is distinct from valid_to
        or recorded_entry_reason is distinct from entry_reason
        or recorded_exit_reason is distinct from exit_reason
        or recorded_continued_from is distinct from continued_from
        or recorded_continued_as is distinct from continued_as
        or recorded_version is distinct from definition_version
)

{{ select_contract('final') }}
