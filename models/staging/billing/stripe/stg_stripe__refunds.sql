{{ config(enabled=is_fed_by('billing', 'refunds', 'stripe')) }}

with refunds as (
    {{ raw_table('stripe', 'refund') }}
),

payments as (
    select * from {{ ref('stg_stripe__payments') }}
),

charges as (
    {{ raw_table('stripe', 'charge') }}
),

invoices as (
    {{ raw_table('stripe', 'invoice') }}
),

-- A refund names its charge; where only payment intents were landed, the intent.
named as (
    select
        refunds.*,
        coalesce(by_charge.payment_id, by_intent.payment_id, refunds.charge_id, refunds.payment_intent_id)
            as payment_id,
        coalesce(by_charge.billing_customer_id, by_intent.billing_customer_id) as billing_customer_id,
        coalesce(by_charge.invoice_id, by_intent.invoice_id) as invoice_id
    from refunds
    left join payments as by_charge on refunds.charge_id = by_charge.payment_id
    left join payments as by_intent on refunds.payment_intent_id = by_intent.payment_id
),

-- Invoices count net of tax, so the tax that a refund gives back is left out.
net_refunds as (
    select
        named.id as refund_id,
        named.payment_id,
        named.billing_customer_id,
        named.amount * coalesce(
            cast(invoices.total - coalesce(invoices.tax, 0) as decimal(18, 6)) / nullif(invoices.total, 0), 1
        ) as net_amount,
        named.currency,
        named.created as refunded_at,
        named._fivetran_synced as loaded_at
    from named
    left join charges on named.charge_id = charges.id
    left join invoices on named.invoice_id = invoices.id
    where
        coalesce(named.status, 'succeeded') in ('succeeded', 'pending')
        and coalesce(charges.livemode, true)
),

final as (
    select
        refund_id,
        payment_id,
        billing_customer_id,
        {{ stripe_major_units('cast(net_amount as decimal(18, 6))', 'currency') }} as amount,
        currency,
        refunded_at,
        loaded_at
    from net_refunds
)

select * from final
