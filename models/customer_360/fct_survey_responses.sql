with responses as (
    {{ with_customer(ref('stg_survey__responses'), by=['contact_id', 'email']) }}
),

merged as (
    select * from {{ ref('int_accounts__merged') }}
),

primary_accounts as (
    select * from {{ ref('customer_accounts') }}
    where is_primary
),

survey_attributes as (
    select * from {{ ref('survey_attributes') }}
),

questions as (
    select
        kind,
        question
    from responses
    where question is not null and kind not in ('nps', 'csat', 'ces')
    group by kind, question
),

-- Of several texts that a question contains the first by the alphabet decides.
asked_attributes as (
    select
        questions.kind,
        questions.question,
        survey_attributes.attribute,
        row_number() over (
            partition by questions.kind, questions.question
            order by survey_attributes.question_contains asc
        ) as position
    from questions
    inner join survey_attributes
        on lower(questions.question) like '%' || lower(survey_attributes.question_contains) || '%'
),

described as (
    select
        responses.*,
        coalesce(merged.surviving_account_id, responses.account_id, primary_accounts.account_id)
            as resolved_account_id,
        asked_attributes.attribute,
        coalesce(responses.customer_id, responses.contact_id, responses.email, responses.response_id) as respondent,
        case
            when responses.kind in ('nps', 'csat', 'ces') then responses.score is not null
            else responses.answer is not null
        end as is_answered
    from responses
    left join merged on responses.account_id = merged.account_id
    left join primary_accounts on responses.customer_id = primary_accounts.customer_id
    left join asked_attributes
        on responses.kind = asked_attributes.kind
        and responses.question = asked_attributes.question
        and asked_attributes.position = 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by respondent, kind, attribute, is_answered
            order by responded_at desc, response_id asc
        ) as recency
    from described
)

select
    -- ids
    response_id,
    customer_id,
    resolved_account_id as account_id,

    -- text
    kind,
    question,
    attribute,
    answer,
    case
        when kind = 'nps' and score >= 9 then 'promoter'
        when kind = 'nps' and score >= 7 then 'passive'
        when kind = 'nps' and score is not null then 'detractor'
        when kind = 'csat' and score >= 4 then 'satisfied'
        when kind = 'csat' and score >= 3 then 'neutral'
        when kind = 'csat' and score is not null then 'dissatisfied'
        when kind = 'ces' and score >= 5 then 'easy'
        when kind = 'ces' and score >= 4 then 'neutral'
        when kind = 'ces' and score is not null then 'difficult'
    end as score_class,
    source_system,

    -- numbers
    cast(score as integer) as score,

    -- booleans
    is_answered and recency = 1 as is_latest,

    -- times
    responded_at
from ranked
