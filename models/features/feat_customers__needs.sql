with latest as (
    select * from {{ ref('fct_survey_responses') }}
    where
        is_latest
        and customer_id is not null
        and kind in ('welcome', 'needs', 'exit')
        -- An answer about the person is an attribute, not a need.
        and attribute is null
)

select
    customer_id,
    max(case when kind = 'welcome' then answer end) as job_to_be_done,
    max(case when kind = 'welcome' then response_id end) as job_to_be_done_response_id,
    max(case when kind = 'needs' then answer end) as benefit_sought,
    max(case when kind = 'needs' then response_id end) as benefit_sought_response_id,
    max(case when kind = 'exit' then answer end) as exit_reason,
    max(case when kind = 'exit' then response_id end) as exit_reason_response_id,
    max(case when kind = 'welcome' then responded_at end) as job_to_be_done_at,
    max(case when kind = 'needs' then responded_at end) as benefit_sought_at,
    max(case when kind = 'exit' then responded_at end) as exit_reason_at
from latest
group by customer_id
