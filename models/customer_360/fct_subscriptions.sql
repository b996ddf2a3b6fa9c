with given as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

subscriptions as (
    {{ with_billing_owner('given') }}
)

select
    -- ids
    subscription_id,
    billing_customer_id,
    customer_id,
    account_id,

    -- text
    plan,
    product,
    status,
    currency,

    -- numbers
    quantity,
    mrr as last_mrr,
    mrr_original as last_mrr_original,
    cast(case when status in ('active', 'past_due') then mrr else 0 end as decimal(18, 2)) as mrr,

    -- booleans
    status in ('active', 'past_due', 'trialing') as is_open,
    status = 'trialing' as is_trialing,

    -- times
    started_at,
    trial_ends_at,
    status_since,
    cancelled_at,
    renews_at,
    ended_at,
    loaded_at
from subscriptions
