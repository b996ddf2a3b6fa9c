with tickets as (
    {{ with_customer(ref('stg_support__tickets'), by=['contact_id', 'user_id', 'email']) }}
),

merged as (
    select * from {{ ref('int_accounts__merged') }}
),

primary_accounts as (
    select * from {{ ref('customer_accounts') }}
    where is_primary
),

described as (
    select
        tickets.*,
        coalesce(merged.surviving_account_id, tickets.account_id, primary_accounts.account_id) as resolved_account_id,
        tickets.solved_at is null and coalesce(tickets.status, 'open') not in ('solved', 'closed') as is_open
    from tickets
    left join merged on tickets.account_id = merged.account_id
    left join primary_accounts on tickets.customer_id = primary_accounts.customer_id
)

select
    -- ids
    ticket_id,
    customer_id,
    resolved_account_id as account_id,

    -- text
    request_type,
    topic,
    priority,
    status,
    channel,

    -- numbers
    {{ hours_between('created_at', 'first_response_at') }} as hours_to_first_response,
    {{ hours_between('created_at', 'solved_at') }} as hours_to_solve,
    cast(case when is_open then {{ hours_between('created_at', as_of()) }} end as decimal(18, 2)) as age_hours,
    coalesce(reopen_count, 0) as reopen_count,
    cast(case when csat_score between 1 and 5 then csat_score end as decimal(18, 2)) as csat_score,

    -- booleans
    is_open,
    is_open and first_response_at is null as is_waiting,

    -- times
    created_at,
    first_response_at,
    solved_at
from described
