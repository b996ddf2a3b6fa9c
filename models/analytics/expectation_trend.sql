{{ config(materialized='view') }}

{%- set check = 'suite, relation_name, expectation_type, column_name, expected' %}

with results as (
    select
        *,
        row_number() over (partition by {{ check }}, as_of order by executed_at desc, run_id asc) as recency
    from {{ ref('expectation_results') }}
),

-- All failures after one success, until the next, are of one stretch.
stretches as (
    select
        *,
        lag(observed_number) over (partition by {{ check }} order by as_of) as previous_number,
        sum(case when is_success then 1 else 0 end) over (
            partition by {{ check }}
            order by as_of
            rows unbounded preceding
        ) as success_count
    from results
    where recency = 1
)

select
    suite,
    relation_name,
    segment_id,
    expectation_type,
    column_name,
    expected,
    as_of,
    run_id,
    is_success,
    observed_value,
    observed_number,
    previous_number,
    case
        when not is_success
            then min(case when not is_success then as_of end) over (partition by {{ check }}, success_count)
    end as failed_since
from stretches
