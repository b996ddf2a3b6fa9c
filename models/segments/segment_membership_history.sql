{{ config(
    materialized='incremental',
    unique_key='stay_id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

-- Two cases make up a run: a stay that was open just before the instant, or was opened
-- at it by an earlier run of the same instant, is kept, closed or reopened; a candidate
-- without such a stay starts one. Running an instant again therefore changes nothing,
-- and running it over corrected data leaves what a first run over them would have left.
with verdicts as (
    select * from {{ ref('segment_verdicts') }}
    where run_id = '{{ run_id() }}'
),

registry as (
    select * from {{ ref('segment_registry') }}
),

candidates as (
    select candidates.*
    from {{ ref('segment_candidates') }} as candidates
    inner join verdicts on candidates.segment_id = verdicts.segment_id and verdicts.verdict = 'publish'
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

{% if is_incremental() -%}
stays as (
    select * from {{ this }}
    where valid_from <= {{ as_of() }} and (valid_to is null or valid_to >= {{ as_of() }})
),
{%- else -%}
stays as (
    {{ no_rows(model.columns) if execute else 'select 1 as nothing' }}
),
{%- endif %}

-- A segment that the registry of a judged run no longer holds has no file any more:
-- its members leave.
judged_stays as (
    select
        stays.*,
        candidates.entity_id is not null as is_candidate,
        registry.segment_id is null as is_segment_gone,
        verdicts.previous_definition_version is not null
        and verdicts.previous_definition_version <> verdicts.definition_version as is_redefined,
        min(stays.valid_from) over (
            partition by stays.segment_id, stays.entity_id
        ) as earliest_valid_from
    from stays
    left join registry on stays.segment_id = registry.segment_id
    left join verdicts on stays.segment_id = verdicts.segment_id
    left join candidates on stays.segment_id = candidates.segment_id and stays.entity_id = candidates.entity_id
    where
        verdicts.verdict = 'publish'
        or (registry.segment_id is null and exists (select judged.segment_id from verdicts as judged))
),

decided_stays as (
    select
        *,
        case
            when is_candidate and valid_from = earliest_valid_from then null
            else {{ as_of() }}
        end as new_valid_to
    from judged_stays
),

changed_stays as (
    select
        stays.stay_id,
        stays.segment_id,
        stays.entity,
        stays.entity_id,
        stays.valid_from,
        stays.new_valid_to as valid_to,
        stays.entry_reason,
        case
            when stays.new_valid_to is null then null
            when stays.is_segment_gone or stays.is_redefined then 'definition_changed'
            when entities.entity_id is null then 'entity_gone'
            else 'condition_no_longer_met'
        end as exit_reason,
        stays.definition_version,
        stays.run_id,
        case when stays.new_valid_to is not null then '{{ run_id() }}' end as exit_run_id
    from decided_stays as stays
    left join entities on stays.entity = entities.entity and stays.entity_id = entities.entity_id
    where stays.new_valid_to is distinct from stays.valid_to
),

new_stays as (
    select
        md5(
            candidates.segment_id || '|' || candidates.entity || '|' || candidates.entity_id || '|{{ as_of_text() }}'
        ) as stay_id,
        candidates.segment_id,
        candidates.entity,
        candidates.entity_id,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to,
        case
            when
                verdicts.previous_definition_version is not null
                and verdicts.previous_definition_version <> verdicts.definition_version
                then 'definition_changed'
            else 'condition_met'
        end as entry_reason,
        cast(null as {{ dbt.type_string() }}) as exit_reason,
        verdicts.definition_version,
        '{{ run_id() }}' as run_id,
        cast(null as {{ dbt.type_string() }}) as exit_run_id
    from candidates
    inner join verdicts on candidates.segment_id = verdicts.segment_id
    left join stays on candidates.segment_id = stays.segment_id and candidates.entity_id = stays.entity_id
    where stays.entity_id is null
),

final as (
    select * from changed_stays
    union all
    select * from new_stays
)

{{ select_contract('final') }}
