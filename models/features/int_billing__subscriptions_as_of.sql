with subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

changes as (
    select * from {{ ref('stg_billing__subscription_changes') }}
),

latest_changes as (
    select
        *,
        row_number() over (partition by subscription_id order by changed_at desc) as recency
    from changes
)

-- The subscription as it stood at the instant: its own row may already tell of a
-- later plan, the last change before the instant does not.
select
    subscriptions.subscription_id,
    subscriptions.billing_customer_id,
    coalesce(latest_changes.plan, subscriptions.plan) as plan,
    coalesce(latest_changes.quantity, subscriptions.quantity) as quantity,
    coalesce(latest_changes.mrr, subscriptions.mrr) as mrr,
    subscriptions.started_at,
    subscriptions.trial_ends_at,
    subscriptions.cancelled_at,
    subscriptions.ended_at,
    subscriptions.ended_at is null as is_open,
    subscriptions.ended_at is null
    and subscriptions.trial_ends_at is not null
    and subscriptions.trial_ends_at > {{ as_of() }} as is_trialing
from subscriptions
left join latest_changes
    on subscriptions.subscription_id = latest_changes.subscription_id and latest_changes.recency = 1
