with latest as (
    select * from {{ ref('fct_survey_responses') }}
    where is_latest and account_id is not null and score_class is not null
),

counted as (
    select
        account_id,
        count(case when kind = 'nps' then 1 end) as nps_response_count,
        count(case when score_class = 'promoter' then 1 end) as promoter_count,
        count(case when score_class = 'detractor' then 1 end) as detractor_count,
        count(case when kind = 'csat' then 1 end) as csat_response_count,
        count(case when score_class = 'satisfied' then 1 end) as satisfied_count,
        max(responded_at) as last_responded_at
    from latest
    group by account_id
)

select
    account_id,
    nps_response_count,
    promoter_count,
    detractor_count,
    csat_response_count,
    cast(100.0 * (promoter_count - detractor_count) / nullif(nps_response_count, 0) as decimal(4, 1)) as nps,
    cast(100.0 * satisfied_count / nullif(csat_response_count, 0) as decimal(4, 1)) as csat_satisfied_percent,
    last_responded_at
from counted
