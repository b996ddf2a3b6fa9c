{#- The interface whose rows say how much of a domain was landed, and when. -#}
{%- set landings = {
    'crm': ('stg_crm__contacts', 'loaded_at'),
    'billing': ('stg_billing__invoices', 'loaded_at'),
    'events': ('stg_events__arrivals', 'arrived_at'),
    'support': ('stg_support__tickets', 'loaded_at'),
    'survey': ('stg_survey__responses', 'loaded_at'),
} -%}
{#- Periods of 24 hours that are compared: the last two weeks, and the same weekday of three. -#}
{%- set recent_periods = range(1, 15) | list -%}
{%- set weekday_periods = [7, 14, 21] -%}
{%- set bounds = var('completeness') -%}

-- Rows by the number of whole periods of 24 hours before the instant in which they landed
-- (period 0 ends with the instant), and whether it was in the last hours of the period.
with landed as (
    {%- for domain, (model_name, column) in landings.items() %}
    select
        '{{ domain }}' as domain,
        {{ days_since(column) }} as period,
        {{ hours_since(column) }} - 24 * {{ days_since(column) }} < {{ bounds.silent_hours }} as is_in_last_hours
    from {{ ref(model_name) }}
    where {{ column }} <= {{ as_of() }} and {{ column }} > {{ as_of() }} - interval '23' day
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

counted as (
    select
        domain,
        period,
        count(*) as row_count,
        sum(case when is_in_last_hours then 1 else 0 end) as last_hours_count
    from landed
    group by domain, period
),

domains as (
    select
        domain,
        max(period) as oldest_period,
        sum(case when period = 0 then row_count else 0 end) as row_count,
        sum(case when period = 0 then last_hours_count else 0 end) as last_hours_count
    from counted
    group by domain
),

periods as (
    {%- for period in (recent_periods + weekday_periods) | unique | sort %}
    select {{ period }} as period{{ ' union all' if not loop.last }}
    {%- endfor %}
),

-- The oldest period may have begun before anything was landed: it is not a whole one.
earlier as (
    select
        domains.domain,
        periods.period,
        coalesce(counted.row_count, 0) as row_count,
        coalesce(counted.last_hours_count, 0) as last_hours_count
    from domains
    inner join periods on domains.oldest_period > periods.period
    left join counted on domains.domain = counted.domain and periods.period = counted.period
),

recent as (
    select
        domain,
        count(*) as period_count,
        percentile_cont(0.5) within group (order by row_count) as median_count,
        percentile_cont(0.5) within group (order by last_hours_count) as median_last_hours_count
    from earlier
    where period <= {{ recent_periods | last }}
    group by domain
),

same_weekday as (
    select
        domain,
        percentile_cont(0.5) within group (order by row_count) as median_count,
        percentile_cont(0.5) within group (order by last_hours_count) as median_last_hours_count
    from earlier
    where period in ({{ weekday_periods | join(', ') }})
    group by domain
    having count(*) = {{ weekday_periods | length }}
),

measured as (
    select
        domains.domain,
        domains.row_count,
        domains.last_hours_count,
        recent.period_count,
        cast(
            least(recent.median_count, coalesce(same_weekday.median_count, recent.median_count)) as decimal(18, 1)
        ) as usual_row_count,
        cast(
            least(
                recent.median_last_hours_count,
                coalesce(same_weekday.median_last_hours_count, recent.median_last_hours_count)
            ) as decimal(18, 1)
        ) as usual_last_hours_count
    from domains
    left join recent on domains.domain = recent.domain
    left join same_weekday on domains.domain = same_weekday.domain
),

judged as (
    select
        domain,
        {{ as_of() }} as as_of,
        row_count,
        usual_row_count,
        cast({{ bounds.min_share }} as decimal(9, 6)) as min_share,
        last_hours_count,
        usual_last_hours_count,
        case
            when coalesce(period_count, 0) < 3 then 'unknown'
            when last_hours_count = 0 and usual_last_hours_count >= {{ bounds.min_usual_rows_when_silent }}
                then 'silent'
            when usual_row_count < {{ bounds.min_usual_rows }} then 'unknown'
            when row_count < {{ bounds.min_share }} * usual_row_count then 'incomplete'
            else 'complete'
        end as status
    from measured
)

{{ select_contract('judged') }}
