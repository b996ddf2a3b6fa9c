{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

-- Who would be told, by an audience whose experiment is running.
with exposed as (
    select
        eligible.experiment_id,
        eligible.entity_key,
        min(eligible.audience_name) as audience_name
    from {{ ref('int_audiences__eligible') }} as eligible
    inner join {{ ref('experiments') }} as experiments on eligible.experiment_id = experiments.experiment_id
    where
        eligible.reason is null
        and experiments.starts_at <= {{ as_of() }}
        and coalesce(experiments.ends_at > {{ as_of() }}, true)
    group by eligible.experiment_id, eligible.entity_key
),

-- Once in an arm, always in it.
unassigned as (
    select exposed.*
    from exposed
    {%- if is_incremental() %}
    left join {{ this }} as assigned
        on exposed.experiment_id = assigned.experiment_id and exposed.entity_key = assigned.entity_key
    where assigned.entity_key is null
    {%- endif %}
),

drawn as (
    {{ experiment_arm('members.experiment_id', 'members.entity_key', members='unassigned') }}
),

assignments as (
    select
        unassigned.experiment_id,
        unassigned.audience_name,
        unassigned.entity_key,
        drawn.arm,
        {{ as_of() }} as assigned_at,
        '{{ run_id() }}' as run_id
    from unassigned
    inner join drawn
        on unassigned.experiment_id = drawn.experiment_id and unassigned.entity_key = drawn.entity_key
)

{{ select_contract('assignments') }}
