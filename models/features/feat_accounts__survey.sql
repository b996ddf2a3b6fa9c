with latest as (
    select * from {{ ref('fct_survey_responses') }}
    where is_latest and account_id is not null and score_class is not null
)

select
    account_id,
    count(case when kind = 'nps' then 1 end) as nps_response_count,
    count(case when score_class = 'promoter' then 1 end) as promoter_count,
    count(case when score_class = 'detractor' then 1 end) as detractor_count,
    count(case when kind = 'csat' then 1 end) as csat_response_count,
    cast(
        100.0 * (count(case when score_class = 'promoter' then 1 end) - count(case when score_class = 'detractor' then 1 end))
        / nullif(count(case when kind = 'nps' then 1 end), 0)
        as decimal(4, 1)
    ) as nps,
    cast(
        100.0 * count(case when score_class = 'satisfied' then 1 end)
        / nullif(count(case when kind = 'csat' then 1 end), 0)
        as decimal(4, 1)
    ) as csat_satisfied_percent,
    max(responded_at) as last_responded_at
from latest
group by account_id
