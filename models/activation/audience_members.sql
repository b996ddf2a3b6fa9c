with eligible as (
    select * from {{ ref('int_audiences__eligible') }}
),

assigned as (
    select * from {{ ref('experiment_assignments') }}
),

experiments as (
    select
        experiment_id,
        starts_at <= {{ as_of() }} and coalesce(ends_at > {{ as_of() }}, true) as is_running
    from {{ ref('experiments') }}
),

arms as (
    select * from {{ ref('experiment_arms') }}
),

-- An experiment withholds while it runs; before and after, everybody is told.
decided as (
    select
        eligible.*,
        case when experiments.is_running then assigned.arm end as arm,
        case
            when not coalesce(experiments.is_running, false) then null
            when assigned.arm is null then 'outside_experiment'
            when not coalesce(arms.is_delivered, false) then 'experiment_holdout'
        end as withheld
    from eligible
    left join experiments on eligible.experiment_id = experiments.experiment_id
    left join assigned
        on eligible.experiment_id = assigned.experiment_id and eligible.entity_key = assigned.entity_key
    left join arms on assigned.experiment_id = arms.experiment_id and assigned.arm = arms.arm
),

final as (
    select
        audience_name,
        segment_id,
        entity,
        entity_key,
        channel,
        entered_at,
        rank_in_audience,
        experiment_id,
        arm,
        coalesce(reason, withheld) as reason,
        case when reason is null and withheld is not null then 'arm ' || coalesce(arm, 'none') else detail end as detail
    from decided
)

{{ select_contract('final') }}
