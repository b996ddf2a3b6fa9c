with responses as (
    select * from {{ ref('stg_survey__responses') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where not is_test
),

resolved as (
    select
        coalesce(contacts.customer_id, emails.customer_id) as customer_id,
        responses.kind,
        responses.score,
        responses.answer,
        responses.responded_at,
        responses.response_id
    from responses
    left join identifiers as contacts
        on contacts.identifier_type = 'contact_id' and responses.contact_id = contacts.identifier_value
    left join identifiers as emails
        on emails.identifier_type = 'email' and {{ normalise_email('responses.email') }} = emails.identifier_value
),

latest as (
    select
        *,
        row_number() over (partition by customer_id, kind order by responded_at desc, response_id asc) as recency
    from resolved
    where customer_id is not null
)

select
    customer_id,
    max(case when kind = 'welcome' then answer end) as job_to_be_done,
    max(case when kind = 'needs' then answer end) as benefit_sought,
    max(case when kind = 'exit' then answer end) as exit_reason,
    cast(max(case when kind = 'nps' then score end) as integer) as nps_score,
    cast(max(case when kind = 'csat' then score end) as integer) as csat_last,
    max(case when kind = 'nps' then responded_at end) as nps_responded_at,
    max(case when kind = 'csat' then responded_at end) as csat_responded_at
from latest
where recency = 1
group by customer_id
