with consents as (
    {{ with_customer(ref('stg_crm__consents'), by=['contact_id', 'email']) }}
),

-- The last word counts; of two at the same time, the refusal.
latest as (
    select
        *,
        row_number() over (partition by customer_id, channel order by recorded_at desc, status asc) as recency
    from consents
    where customer_id is not null
)

select
    customer_id,
    channel,
    status,
    recorded_at
from latest
where recency = 1
