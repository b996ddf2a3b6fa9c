with responses as (
    select * from {{ ref('fct_survey_responses') }}
    where customer_id is not null
),

-- Answers of one kind, the latest first; of two at the same time the one that is_latest names.
scored as (
    select
        customer_id,
        kind,
        score,
        score_class,
        responded_at,
        row_number() over (partition by customer_id, kind order by responded_at desc, response_id asc) as recency
    from responses
    where kind in ('nps', 'csat', 'ces') and score is not null
),

scores as (
    select
        customer_id,
        max(case when kind = 'nps' and recency = 1 then score end) as nps_score,
        max(case when kind = 'nps' and recency = 1 then score_class end) as nps_class,
        max(case when kind = 'nps' and recency = 2 then score end) as nps_previous_score,
        max(case when kind = 'nps' and recency = 1 then responded_at end) as nps_responded_at,
        max(case when kind = 'csat' and recency = 1 then score end) as csat_last,
        max(case when kind = 'csat' and recency = 1 then responded_at end) as csat_responded_at,
        {{ rounded_average("case when kind = 'csat' and " ~ within_last('responded_at', 180) ~ ' then score end') }}
            as csat_average_last_180,
        max(case when kind = 'ces' and recency = 1 then score end) as ces_last,
        max(case when kind = 'ces' and recency = 1 then responded_at end) as ces_responded_at
    from scored
    group by customer_id
),

responded as (
    select
        customer_id,
        count(*) as response_count,
        max(responded_at) as last_responded_at
    from responses
    group by customer_id
)

select
    responded.customer_id,
    scores.nps_class,
    case
        when scores.nps_score > scores.nps_previous_score then 'improved'
        when scores.nps_score < scores.nps_previous_score then 'worsened'
        when scores.nps_score = scores.nps_previous_score then 'unchanged'
    end as nps_trend,
    scores.nps_score,
    scores.nps_previous_score,
    scores.nps_score - scores.nps_previous_score as nps_change,
    scores.csat_last,
    scores.csat_average_last_180,
    scores.ces_last,
    responded.response_count,
    {{ days_since('responded.last_responded_at') }} as days_since_last_response,
    scores.nps_responded_at,
    scores.csat_responded_at,
    scores.ces_responded_at,
    responded.last_responded_at
from responded
left join scores on responded.customer_id = scores.customer_id
