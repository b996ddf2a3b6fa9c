with subscriptions as (
    select * from {{ ref('fct_subscriptions') }}
    where account_id is not null
),

periods as (
    select * from {{ ref('fct_subscription_periods') }}
    where account_id is not null
),

invoices as (
    select * from {{ ref('fct_invoices') }}
    where account_id is not null
),

payments as (
    select * from {{ ref('fct_payments') }}
    where account_id is not null and is_failed
),

refunds as (
    select * from {{ ref('fct_refunds') }}
    where account_id is not null
),

billed as (
    select account_id from subscriptions
    union
    select account_id from invoices
    union
    select account_id from refunds
    union
    select account_id from payments
),

subscribed as (
    select
        account_id,
        count(*) as subscription_count,
        count(case when is_open then 1 end) as open_subscription_count,
        sum(case when is_open then quantity end) as seats,
        min(case when is_open and renews_at > {{ as_of() }} then renews_at end) as next_renewal_at
    from subscriptions
    group by account_id
),

-- Of several open subscriptions the largest names the plan.
plans as (
    select
        account_id,
        plan,
        row_number() over (
            partition by account_id
            order by last_mrr desc nulls last, started_at asc, subscription_id asc
        ) as position
    from subscriptions
    where is_open
),

paying_now as (
    select
        account_id,
        sum(case when valid_to is null then mrr else 0 end) as mrr,
        count(distinct case when valid_to is null and mrr > 0 then customer_id end) as paying_customer_count,
        sum(case
            when
                valid_from <= {{ as_of() }} - interval '90' day
                and (valid_to is null or valid_to > {{ as_of() }} - interval '90' day)
                then mrr
            else 0
        end) as mrr_90_days_ago
    from periods
    group by account_id
),

invoiced as (
    select
        account_id,
        sum(revenue) as revenue,
        count(case when is_overdue then 1 end) as overdue_invoice_count,
        sum(case when is_overdue then amount else 0 end) as overdue_amount,
        min(case when is_purchase then issued_at end) as first_purchase_at,
        max(case when is_purchase then issued_at end) as last_purchase_at
    from invoices
    group by account_id
),

refunded as (
    select
        account_id,
        sum(amount) as refunded
    from refunds
    group by account_id
),

failed as (
    select
        account_id,
        count(case when {{ within_last('attempted_at', 28) }} then 1 end) as failed_payment_count_last_28
    from payments
    group by account_id
)

select
    -- ids
    billed.account_id,

    -- text
    plans.plan,

    -- what it pays
    cast(coalesce(paying_now.mrr, 0) as decimal(18, 2)) as mrr,
    cast(coalesce(paying_now.mrr, 0) * 12 as decimal(18, 2)) as arr,
    cast(coalesce(paying_now.mrr - paying_now.mrr_90_days_ago, 0) as decimal(18, 2)) as mrr_change_last_90,
    cast(coalesce(invoiced.revenue, 0) - coalesce(refunded.refunded, 0) as decimal(18, 2)) as lifetime_revenue,
    cast(coalesce(invoiced.overdue_amount, 0) as decimal(18, 2)) as overdue_amount,

    -- counts
    coalesce(subscribed.subscription_count, 0) as subscription_count,
    coalesce(subscribed.open_subscription_count, 0) as open_subscription_count,
    cast(coalesce(subscribed.seats, 0) as integer) as seats,
    coalesce(paying_now.paying_customer_count, 0) as paying_customer_count,
    coalesce(invoiced.overdue_invoice_count, 0) as overdue_invoice_count,
    coalesce(failed.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
    -{{ days_since('subscribed.next_renewal_at') }} as days_to_renewal,

    -- times
    invoiced.first_purchase_at,
    invoiced.last_purchase_at,
    subscribed.next_renewal_at
from billed
left join subscribed on billed.account_id = subscribed.account_id
left join plans on billed.account_id = plans.account_id and plans.position = 1
left join paying_now on billed.account_id = paying_now.account_id
left join invoiced on billed.account_id = invoiced.account_id
left join refunded on billed.account_id = refunded.account_id
left join failed on billed.account_id = failed.account_id
