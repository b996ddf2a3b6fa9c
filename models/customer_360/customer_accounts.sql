with merged as (
    select * from {{ ref('int_accounts__merged') }}
),

contacts as (
    {{ with_customer(ref('stg_crm__contacts'), by=['contact_id']) }}
),

billing_customers as (
    {{ with_customer(ref('stg_billing__customers'), by=['billing_customer_id']) }}
),

tickets as (
    {{ with_customer(ref('stg_support__tickets'), by=['contact_id', 'user_id', 'email']) }}
),

activity as (
    select * from {{ ref('int_customer_accounts__activity') }}
),

said as (
    select
        customer_id,
        account_id,
        'crm' as source,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from contacts

    union all

    select
        customer_id,
        account_id,
        'billing' as source,
        created_at as first_seen_at,
        created_at as last_seen_at
    from billing_customers

    union all

    select
        customer_id,
        account_id,
        'events' as source,
        first_seen_at,
        last_seen_at
    from activity

    union all

    select
        customer_id,
        account_id,
        'support' as source,
        created_at as first_seen_at,
        created_at as last_seen_at
    from tickets
),

memberships as (
    select
        said.customer_id,
        coalesce(merged.surviving_account_id, said.account_id) as account_id,
        said.source,
        min(said.first_seen_at) as first_seen_at,
        max(said.last_seen_at) as last_seen_at
    from said
    left join merged on said.account_id = merged.account_id
    where said.customer_id is not null and said.account_id is not null
    group by said.customer_id, coalesce(merged.surviving_account_id, said.account_id), said.source
),

ranked as (
    select
        *,
        max(last_seen_at) over (partition by customer_id, source) as latest_of_source_at,
        row_number() over (
            partition by customer_id
            order by
                case source when 'crm' then 1 when 'billing' then 2 when 'events' then 3 else 4 end asc,
                last_seen_at desc nulls last,
                first_seen_at desc nulls last,
                account_id asc
        ) as position
    from memberships
)

-- The CRM and billing hold what is so now. Events and tickets hold what was so when they
-- happened: an account that is not the last one seen has been left.
select
    customer_id,
    account_id,
    source,
    position = 1 as is_primary,
    first_seen_at as valid_from,
    case
        when source in ('events', 'support') and last_seen_at < latest_of_source_at then last_seen_at
    end as valid_to,
    last_seen_at
from ranked
