with tickets as (
    select * from {{ ref('stg_support__tickets') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where not is_test
),

resolved as (
    select
        coalesce(contacts.customer_id, emails.customer_id) as customer_id,
        tickets.*
    from tickets
    left join identifiers as contacts
        on contacts.identifier_type = 'contact_id' and tickets.contact_id = contacts.identifier_value
    left join identifiers as emails
        on emails.identifier_type = 'email' and {{ normalise_email('tickets.email') }} = emails.identifier_value
)

select
    customer_id,
    count(case when solved_at is null and coalesce(status, 'open') not in ('solved', 'closed') then 1 end)
        as open_ticket_count,
    count(case when {{ within_last('created_at', 90) }} then 1 end) as ticket_count_last_90,
    max(created_at) as last_ticket_at
from resolved
where customer_id is not null
group by customer_id
