{{ config(materialized='view') }}

-- Several runs of one instant: the last one speaks.
with verdicts as (
    select
        *,
        row_number() over (partition by segment_id, as_of order by run_started_at desc, run_id desc) as recency
    from {{ ref('segment_verdicts') }}
    where is_evaluated
)

select
    segment_id,
    entity,
    as_of,
    verdict,
    reasons,
    published_count as member_count,
    case when verdict = 'publish' then entered_count else 0 end as entered_count,
    case when verdict = 'publish' then left_count else 0 end as left_count,
    entity_count
from verdicts
where recency = 1
