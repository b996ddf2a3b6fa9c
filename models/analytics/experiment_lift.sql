{#- The standard normal deviate that 95% lie within, and its square. -#}
{%- set deviate, squared = '1.959963984540054', '3.841458820694124' -%}

with members as (
    select * from {{ ref('experiment_members') }}
),

arms as (
    select
        arms.experiment_id,
        arms.arm,
        arms.share,
        arms.is_control,
        experiments.conversion_event,
        experiments.conversion_metric,
        experiments.conversion_days,
        experiments.conversion_event is not null as is_rate
    from {{ ref('experiment_arms') }} as arms
    inner join {{ ref('experiments') }} as experiments on arms.experiment_id = experiments.experiment_id
),

experiment_totals as (
    select
        experiment_id,
        count(*) - count(arm) as excluded_count,
        max(case when arm is not null and window_ends_at > {{ as_of() }} then 1 else 0 end) = 0 as is_complete
    from members
    group by experiment_id
),

arm_totals as (
    select
        experiment_id,
        arm,
        count(*) as assigned_count,
        count(case when is_counted then 1 end) as sample_size,
        count(outcome) as measured_count,
        sum(outcome) as outcome_sum,
        stddev_samp({{ as_double('outcome') }}) as deviation
    from members
    where arm is not null
    group by experiment_id, arm
),

filled as (
    select
        arms.*,
        coalesce(arm_totals.assigned_count, 0) as assigned_count,
        coalesce(arm_totals.sample_size, 0) as sample_size,
        arm_totals.outcome_sum,
        arm_totals.deviation,
        {{ as_double('nullif(arm_totals.measured_count, 0)') }} as n
    from arms
    left join arm_totals on arms.experiment_id = arm_totals.experiment_id and arms.arm = arm_totals.arm
),

-- How many of those assigned each arm should have, and the mean of those measured.
expected as (
    select
        *,
        {{ as_double('outcome_sum') }} / n as mean,
        {{ as_double('share') }} * sum(assigned_count) over (partition by experiment_id)
        / sum({{ as_double('share') }}) over (partition by experiment_id) as expected_count
    from filled
),

ratios as (
    select
        experiment_id,
        count(*) - 1 as degrees,
        min(expected_count) as least_expected,
        sum(power(assigned_count - expected_count, 2) / nullif(expected_count, 0)) as chi_square
    from expected
    group by experiment_id
),

ratio_checks as (
    select
        experiment_id,
        case
            when least_expected >= 5 then {{ chi_square_p_value('chi_square', 'degrees') }}
        end as sample_ratio_p_value
    from ratios
),

-- Wilson's interval of each arm's rate: its middle, and how far it reaches from there.
bounded as (
    select
        *,
        case when is_rate then (mean + {{ squared }} / (2 * n)) / (1 + {{ squared }} / n) end as rate_middle,
        case
            when is_rate
                then {{ deviate }} * sqrt(mean * (1 - mean) / n + {{ squared }} / (4 * n * n)) / (1 + {{ squared }} / n)
        end as rate_reach
    from expected
),

pairs as (
    select
        treated.*,
        controls.arm as control_arm,
        controls.assigned_count as control_assigned_count,
        controls.sample_size as control_sample_size,
        controls.outcome_sum as control_outcome_sum,
        controls.mean as control_mean,
        controls.deviation as control_deviation,
        controls.n as control_n,
        controls.rate_middle as control_rate_middle,
        controls.rate_reach as control_rate_reach,
        treated.mean - controls.mean as difference,
        {{ as_double('treated.outcome_sum + controls.outcome_sum') }} / (treated.n + controls.n) as pooled
    from bounded as treated
    inner join bounded as controls on treated.experiment_id = controls.experiment_id and controls.is_control
    where not treated.is_control
),

errors as (
    select
        *,
        case
            when is_rate then n * least(pooled, 1 - pooled) >= 5 and control_n * least(pooled, 1 - pooled) >= 5
            else n >= 30 and control_n >= 30
        end as is_enough,
        nullif(
            case
                when is_rate then sqrt(pooled * (1 - pooled) * (1 / n + 1 / control_n))
                else sqrt(deviation * deviation / n + control_deviation * control_deviation / control_n)
            end,
            0
        ) as standard_error
    from pairs
),

tested as (
    select
        *,
        case when is_enough then -abs(difference / standard_error) end as statistic,
        case
            when is_rate
                then
                    difference
                    - sqrt(
                        power(mean - (rate_middle - rate_reach), 2)
                        + power(control_rate_middle + control_rate_reach - control_mean, 2)
                    )
            when is_enough then difference - {{ deviate }} * standard_error
        end as difference_lower,
        case
            when is_rate
                then
                    difference
                    + sqrt(
                        power(rate_middle + rate_reach - mean, 2)
                        + power(control_mean - (control_rate_middle - control_rate_reach), 2)
                    )
            when is_enough then difference + {{ deviate }} * standard_error
        end as difference_upper
    from errors
),

judged as (
    select
        *,
        2 * {{ normal_cdf('statistic') }} as p_value
    from tested
)

select
    -- ids
    judged.experiment_id,
    judged.arm,
    judged.control_arm,

    -- what is measured
    judged.conversion_event,
    judged.conversion_metric,
    judged.conversion_days,

    -- counts
    judged.assigned_count,
    judged.control_assigned_count,
    judged.sample_size,
    judged.control_sample_size,
    coalesce(experiment_totals.excluded_count, 0) as excluded_count,

    -- outcomes
    cast(case when judged.is_rate then judged.outcome_sum end as bigint) as conversion_count,
    cast(case when judged.is_rate then judged.control_outcome_sum end as bigint) as control_conversion_count,
    cast(case when judged.is_rate then judged.mean end as decimal(18, 8)) as conversion_rate,
    cast(case when judged.is_rate then judged.control_mean end as decimal(18, 8)) as control_conversion_rate,
    cast(case when not judged.is_rate then judged.mean end as decimal(18, 4)) as metric_mean,
    cast(case when not judged.is_rate then judged.control_mean end as decimal(18, 4)) as control_metric_mean,
    cast(case when not judged.is_rate then judged.deviation end as decimal(18, 4)) as metric_deviation,
    cast(case when not judged.is_rate then judged.control_deviation end as decimal(18, 4)) as control_metric_deviation,

    -- the difference
    cast(judged.difference as decimal(18, 8)) as difference,
    cast(judged.difference_lower as decimal(18, 8)) as difference_lower,
    cast(judged.difference_upper as decimal(18, 8)) as difference_upper,
    cast(judged.difference / nullif(judged.control_mean, 0) as decimal(18, 8)) as relative_difference,
    cast(judged.p_value as decimal(18, 8)) as p_value,
    cast(ratio_checks.sample_ratio_p_value as decimal(18, 8)) as sample_ratio_p_value,

    -- booleans
    judged.p_value < 0.05 as is_significant,
    ratio_checks.sample_ratio_p_value < 0.001 as has_sample_ratio_mismatch,
    coalesce(experiment_totals.is_complete, false) as is_complete,

    -- text
    nullif(
        concat_ws(
            '; ',
            case
                when judged.sample_size = 0 or judged.control_sample_size = 0
                    then 'no window has passed yet in one of the arms'
                when judged.difference is null then 'not measured: the domain of the conversion has no source'
                when judged.is_rate and not judged.is_enough
                    then 'no p-value: fewer than 5 conversions, or 5 without, are to be expected in one of the arms'
                when not judged.is_enough
                    then 'no p-value and interval: fewer than 30 members in one of the arms'
                when judged.standard_error is null
                    then 'no p-value and interval: within each arm all members have the same value'
            end,
            case
                when ratio_checks.sample_ratio_p_value < 0.001
                    then 'the sizes of the arms do not fit their shares: find out why before believing the difference'
                when ratio_checks.sample_ratio_p_value is null
                    then 'too few members to compare the sizes of the arms with their shares'
            end
        ),
        ''
    ) as note
from judged
inner join ratio_checks on judged.experiment_id = ratio_checks.experiment_id
left join experiment_totals on judged.experiment_id = experiment_totals.experiment_id
