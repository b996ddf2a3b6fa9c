with identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'billing_customer_id'
),

subscriptions as (
    select * from {{ ref('fct_subscriptions') }}
    where customer_id is not null
),

periods as (
    select * from {{ ref('fct_subscription_periods') }}
    where customer_id is not null
),

invoices as (
    select * from {{ ref('fct_invoices') }}
    where customer_id is not null
),

payments as (
    select * from {{ ref('fct_payments') }}
    where customer_id is not null and is_failed
),

refunds as (
    select * from {{ ref('fct_refunds') }}
    where customer_id is not null
),

billed as (
    select distinct customer_id
    from identifiers
    where not is_test
),

subscribed as (
    select
        customer_id,
        count(*) as subscription_count,
        count(case when is_open then 1 end) as open_subscription_count,
        sum(case when is_open then quantity end) as seats,
        max(case when is_open then 1 else 0 end) = 1 as has_open_subscription,
        max(case when is_trialing then 1 else 0 end) = 1 as is_trialing,
        min(case when is_trialing then trial_ends_at end) as trial_ends_at,
        min(started_at) as first_subscribed_at,
        max(ended_at) as last_subscription_ended_at,
        min(case when is_open and renews_at > {{ as_of() }} then renews_at end) as next_renewal_at
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
            order by last_mrr desc nulls last, started_at asc, subscription_id asc
        ) as position
    from subscriptions
    where is_open
),

-- The trial that ends first is the one whose days count.
trials as (
    select
        customer_id,
        started_at,
        row_number() over (
            partition by customer_id order by trial_ends_at asc nulls last, started_at asc, subscription_id asc
        ) as position
    from subscriptions
    where is_trialing
),

paying_now as (
    select
        customer_id,
        sum(case when valid_to is null then mrr else 0 end) as mrr,
        sum(case
            when
                valid_from <= {{ as_of() }} - interval '90' day
                and (valid_to is null or valid_to > {{ as_of() }} - interval '90' day)
                then mrr
            else 0
        end) as mrr_90_days_ago
    from periods
    group by customer_id
),

-- What the customer pays in total moves where a period begins or ends.
steps as (
    select
        customer_id,
        stepped_at,
        sum(step) as step
    from (
        select
            customer_id,
            valid_from as stepped_at,
            mrr as step
        from periods
        where mrr > 0
        union all
        select
            customer_id,
            valid_to as stepped_at,
            -mrr as step
        from periods
        where mrr > 0 and valid_to is not null
    ) as every_step
    group by customer_id, stepped_at
),

levels as (
    select
        customer_id,
        stepped_at,
        sum(step) over (partition by customer_id order by stepped_at rows unbounded preceding) as level,
        coalesce(lead(stepped_at) over (partition by customer_id order by stepped_at), {{ as_of() }}) as until
    from steps
),

paid as (
    select
        customer_id,
        max(level) as mrr_peak,
        min(case when level > 0 then stepped_at end) as first_paid_at,
        sum(case when level > 0 then cast(cast(until as date) - cast(stepped_at as date) as integer) else 0 end)
            as days_as_paying
    from levels
    group by customer_id
),

compared as (
    select
        *,
        lag(plan) over (partition by subscription_id order by valid_from) as plan_before,
        lag(state) over (partition by subscription_id order by valid_from) as state_before,
        lag(mrr) over (partition by subscription_id order by valid_from) as mrr_before
    from periods
),

changed as (
    select
        customer_id,
        count(case when plan <> plan_before and {{ within_last('valid_from', 90) }} then 1 end)
            as plan_changes_last_90,
        max(case when mrr > mrr_before and mrr_before > 0 then valid_from end) as last_upgrade_at,
        max(case when mrr < mrr_before and state = 'paying' and state_before = 'paying' then valid_from end)
            as last_downgrade_at
    from compared
    group by customer_id
),

invoiced as (
    select
        customer_id,
        sum(revenue) as revenue,
        sum(case when cost is not null and revenue <> 0 then revenue - cost end) as gross_margin_lifetime,
        sum(case when cost is not null then revenue end) as revenue_with_cost,
        count(case when is_overdue then 1 end) as overdue_invoice_count,
        sum(case when is_overdue then amount else 0 end) as overdue_amount,
        count(case when is_purchase then 1 end) as purchase_count,
        sum(case when is_purchase then amount end) as purchase_amount,
        min(case when is_purchase then issued_at end) as first_purchase_at,
        max(case when is_purchase then issued_at end) as last_purchase_at
    from invoices
    group by customer_id
),

refunded as (
    select
        customer_id,
        sum(amount) as refunded,
        sum(case when {{ within_last('refunded_at', 90) }} then amount else 0 end) as refund_amount_last_90
    from refunds
    group by customer_id
),

failed as (
    select
        customer_id,
        count(case when {{ within_last('attempted_at', 28) }} then 1 end) as failed_payment_count_last_28,
        max(attempted_at) as last_failed_payment_at
    from payments
    group by customer_id
),

currencies as (
    select
        customer_id,
        count(distinct currency) as currency_count
    from (
        select
            customer_id,
            currency
        from subscriptions
        union all
        select
            customer_id,
            currency
        from invoices
        where is_purchase
    ) as every_currency
    group by customer_id
)

select
    -- ids
    billed.customer_id,

    -- text
    plans.plan,

    -- what they pay
    cast(coalesce(paying_now.mrr, 0) as decimal(18, 2)) as mrr,
    cast(coalesce(paid.mrr_peak, 0) as decimal(18, 2)) as mrr_peak,
    cast(coalesce(paying_now.mrr - paying_now.mrr_90_days_ago, 0) as decimal(18, 2)) as mrr_change_last_90,
    cast(coalesce(invoiced.revenue, 0) - coalesce(refunded.refunded, 0) as decimal(18, 2)) as lifetime_revenue,
    cast(invoiced.gross_margin_lifetime as decimal(18, 2)) as gross_margin_lifetime,
    cast(
        cast(invoiced.gross_margin_lifetime as decimal(18, 6)) / nullif(invoiced.revenue_with_cost, 0)
        as decimal(18, 4)
    ) as gross_margin_rate,
    cast(coalesce(refunded.refund_amount_last_90, 0) as decimal(18, 2)) as refund_amount_last_90,
    cast(coalesce(invoiced.overdue_amount, 0) as decimal(18, 2)) as overdue_amount,
    cast(invoiced.purchase_amount as decimal(18, 2)) as purchase_amount,
    cast(
        cast(invoiced.purchase_amount as decimal(18, 6)) / nullif(invoiced.purchase_count, 0) as decimal(18, 2)
    ) as average_order_value,

    -- counts
    coalesce(invoiced.purchase_count, 0) as purchase_count,
    cast(
        cast(cast(invoiced.last_purchase_at as date) - cast(invoiced.first_purchase_at as date) as decimal(18, 6))
        / nullif(invoiced.purchase_count - 1, 0)
        as decimal(18, 2)
    ) as days_between_orders_avg,
    coalesce(invoiced.overdue_invoice_count, 0) as overdue_invoice_count,
    coalesce(failed.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
    coalesce(subscribed.subscription_count, 0) as subscription_count,
    coalesce(subscribed.open_subscription_count, 0) as open_subscription_count,
    cast(coalesce(subscribed.seats, 0) as integer) as seats,
    coalesce(currencies.currency_count, 0) as currency_count,
    coalesce(changed.plan_changes_last_90, 0) as plan_changes_last_90,
    cast(coalesce(paid.days_as_paying, 0) as integer) as days_as_paying,
    case when subscribed.is_trialing then {{ days_since('trials.started_at') }} + 1 end as trial_day,
    -{{ days_since('subscribed.trial_ends_at') }} as days_to_trial_end,
    -{{ days_since('subscribed.next_renewal_at') }} as days_to_renewal,

    -- booleans
    coalesce(subscribed.has_open_subscription, false) as has_open_subscription,
    coalesce(subscribed.is_trialing, false) as is_trialing,

    -- times
    invoiced.first_purchase_at,
    invoiced.last_purchase_at,
    paid.first_paid_at,
    subscribed.trial_ends_at,
    subscribed.next_renewal_at,
    changed.last_upgrade_at,
    changed.last_downgrade_at,
    failed.last_failed_payment_at,
    subscribed.first_subscribed_at,
    subscribed.last_subscription_ended_at
from billed
left join subscribed on billed.customer_id = subscribed.customer_id
left join plans on billed.customer_id = plans.customer_id and plans.position = 1
left join trials on billed.customer_id = trials.customer_id and trials.position = 1
left join paying_now on billed.customer_id = paying_now.customer_id
left join paid on billed.customer_id = paid.customer_id
left join changed on billed.customer_id = changed.customer_id
left join invoiced on billed.customer_id = invoiced.customer_id
left join refunded on billed.customer_id = refunded.customer_id
left join failed on billed.customer_id = failed.customer_id
left join currencies on billed.customer_id = currencies.customer_id
