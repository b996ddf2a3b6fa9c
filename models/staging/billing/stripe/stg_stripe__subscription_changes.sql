{{ config(enabled=is_fed_by('billing', 'subscription_changes', 'stripe')) }}

with lines as (
    {{ raw_table('stripe', 'invoice_line_item') }}
),

invoices as (
    {{ raw_table('stripe', 'invoice') }}
),

prices as (
    {{ stripe_prices() }}
),

subscriptions as (
    select * from {{ ref('stg_stripe__subscriptions') }}
),

-- What a subscription costs is what its regular lines charge for whole periods.
-- A proration charges for parts of one, and the next regular line shows its outcome.
priced_lines as (
    select
        lines.subscription_id,
        lines.period_start,
        prices.product_name,
        lines.currency,
        lines.quantity,
        {{ stripe_monthly(
            stripe_major_units('lines.amount', 'lines.currency'),
            'prices.billing_interval', 'prices.interval_count'
        ) }} as mrr,
        lines.id as line_id,
        coalesce(lines._fivetran_synced, invoices._fivetran_synced) as loaded_at
    from lines
    inner join invoices on lines.invoice_id = invoices.id
    left join prices on lines.plan_id = prices.price_id
    where
        lines.subscription_id is not null
        and lines.period_start is not null
        and coalesce(lines.type, 'subscription') = 'subscription'
        and not coalesce(lines.proration, false)
        and coalesce(invoices.status, 'open') not in ('draft', 'void')
        and not coalesce(invoices.is_deleted, false)
        and coalesce(invoices.livemode, true)
),

ranked_lines as (
    select
        *,
        sum(mrr) over (partition by subscription_id, period_start) as period_mrr,
        row_number() over (
            partition by subscription_id, period_start
            order by coalesce(mrr, 0) desc, line_id asc
        ) as preference
    from priced_lines
),

periods as (
    select
        subscription_id,
        lower(product_name) as plan,
        quantity,
        period_mrr as mrr,
        currency,
        period_start as changed_at,
        loaded_at
    from ranked_lines
    where preference = 1
),

first_periods as (
    select
        subscription_id,
        min(changed_at) as first_period_at
    from periods
    group by subscription_id
),

-- A subscription starts when it says so, even where its first line came later
-- (a trial without an invoice, nothing invoiced yet). It costs nothing in trial.
starts as (
    select
        subscriptions.subscription_id,
        subscriptions.plan,
        subscriptions.quantity,
        case
            when subscriptions.trial_ends_at > subscriptions.started_at then cast(0 as decimal(18, 2))
            else subscriptions.mrr
        end as mrr,
        subscriptions.currency,
        subscriptions.started_at as changed_at,
        subscriptions.loaded_at
    from subscriptions
    left join first_periods on subscriptions.subscription_id = first_periods.subscription_id
    where
        subscriptions.started_at is not null
        and (
            first_periods.first_period_at is null
            or first_periods.first_period_at > subscriptions.started_at + interval '1' day
        )
),

-- Without any line, the price holds from the end of the trial on.
trial_ends as (
    select
        subscriptions.subscription_id,
        subscriptions.plan,
        subscriptions.quantity,
        subscriptions.mrr,
        subscriptions.currency,
        subscriptions.trial_ends_at as changed_at,
        subscriptions.loaded_at
    from subscriptions
    left join first_periods on subscriptions.subscription_id = first_periods.subscription_id
    where
        first_periods.first_period_at is null
        and subscriptions.trial_ends_at > subscriptions.started_at
        and (subscriptions.ended_at is null or subscriptions.ended_at > subscriptions.trial_ends_at)
),

states as (
    select * from periods
    union all
    select * from starts
    union all
    select * from trial_ends
),

compared as (
    select
        *,
        row_number() over (partition by subscription_id order by changed_at) as state_number,
        lag(plan) over (partition by subscription_id order by changed_at) as plan_before,
        lag(quantity) over (partition by subscription_id order by changed_at) as quantity_before,
        lag(mrr) over (partition by subscription_id order by changed_at) as mrr_before
    from states
),

final as (
    select
        subscription_id,
        plan,
        quantity,
        mrr,
        currency,
        changed_at,
        loaded_at
    from compared
    where
        state_number = 1
        or plan is distinct from plan_before
        or quantity is distinct from quantity_before
        or mrr is distinct from mrr_before
)

select * from final
