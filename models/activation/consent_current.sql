with consents as (
    select * from {{ ref('stg_crm__consents') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

resolved as (
    select
        coalesce(contacts.customer_id, emails.customer_id) as customer_id,
        consents.channel,
        consents.status,
        consents.recorded_at
    from consents
    left join identifiers as contacts
        on contacts.identifier_type = 'contact_id' and consents.contact_id = contacts.identifier_value
    left join identifiers as emails
        on emails.identifier_type = 'email' and {{ normalise_email('consents.email') }} = emails.identifier_value
),

-- The last word counts; of two at the same time, the refusal.
latest as (
    select
        *,
        row_number() over (partition by customer_id, channel order by recorded_at desc, status asc) as recency
    from resolved
    where customer_id is not null
)

select
    customer_id,
    channel,
    status,
    recorded_at
from latest
where recency = 1
