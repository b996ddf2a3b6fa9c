with identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'billing_customer_id'
),

subscriptions as (
    select
        identifiers.customer_id,
        subscriptions.*,
        subscriptions.status in ('active', 'past_due', 'trialing') as is_open,
        subscriptions.status = 'trialing' as is_trialing
    from {{ ref('stg_billing__subscriptions') }} as subscriptions
    inner join identifiers on subscriptions.billing_customer_id = identifiers.identifier_value
),

invoices as (
    select
        identifiers.customer_id,
        invoices.*
    from {{ ref('stg_billing__invoices') }} as invoices
    inner join identifiers on invoices.billing_customer_id = identifiers.identifier_value
    where coalesce(invoices.status, 'paid') not in ('void', 'draft')
),

refunds as (
    select
        identifiers.customer_id,
        sum(refunds.amount) as refunded
    from {{ ref('stg_billing__refunds') }} as refunds
    inner join identifiers on refunds.billing_customer_id = identifiers.identifier_value
    group by identifiers.customer_id
),

payments as (
    select
        identifiers.customer_id,
        count(case when payments.status = 'failed' then 1 end) as failed_payment_count_last_28
    from {{ ref('stg_billing__payments') }} as payments
    inner join identifiers on payments.billing_customer_id = identifiers.identifier_value
    where {{ within_last('payments.attempted_at', 28) }}
    group by identifiers.customer_id
),

revenue as (
    select
        customer_id,
        sum(case when coalesce(status, 'paid') <> 'uncollectible' then amount else 0 end) as invoiced
    from invoices
    group by customer_id
),

-- A purchase is an invoice that is neither void nor negative. Recency, frequency and
-- monetary value count purchases; credit notes lower lifetime revenue instead.
purchases as (
    select
        customer_id,
        count(distinct invoice_id) as purchase_count,
        sum(amount) as purchase_amount,
        min(issued_at) as first_purchase_at,
        max(issued_at) as last_purchase_at
    from invoices
    where amount >= 0
    group by customer_id
),

subscribed as (
    select
        customer_id,
        sum(case when is_open and not is_trialing then mrr else 0 end) as mrr,
        max(case when is_open then 1 else 0 end) = 1 as has_open_subscription,
        max(case when is_trialing then 1 else 0 end) = 1 as is_trialing,
        min(case when is_trialing then trial_ends_at end) as trial_ends_at,
        min(started_at) as first_subscribed_at,
        max(ended_at) as last_subscription_ended_at
    from subscriptions
    group by customer_id
),

-- Of several open subscriptions the largest names the plan.
plans as (
    select
        customer_id,
        plan,
        row_number() over (
            partition by customer_id
            order by mrr desc nulls last, started_at asc, subscription_id asc
        ) as position
    from subscriptions
    where is_open
),

billed as (
    select distinct customer_id
    from identifiers
    where not is_test
),

measured as (
    select
        billed.customer_id,
        plans.plan,
        coalesce(subscribed.mrr, 0) as mrr,
        coalesce(revenue.invoiced, 0) - coalesce(refunds.refunded, 0) as lifetime_revenue,
        coalesce(purchases.purchase_count, 0) as purchase_count,
        purchases.purchase_amount,
        coalesce(payments.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
        coalesce(subscribed.has_open_subscription, false) as has_open_subscription,
        coalesce(subscribed.is_trialing, false) as is_trialing,
        purchases.first_purchase_at,
        purchases.last_purchase_at,
        subscribed.trial_ends_at,
        subscribed.first_subscribed_at,
        subscribed.last_subscription_ended_at
    from billed
    left join subscribed on billed.customer_id = subscribed.customer_id
    left join plans on billed.customer_id = plans.customer_id and plans.position = 1
    left join revenue on billed.customer_id = revenue.customer_id
    left join refunds on billed.customer_id = refunds.customer_id
    left join purchases on billed.customer_id = purchases.customer_id
    left join payments on billed.customer_id = payments.customer_id
)

select * from measured
