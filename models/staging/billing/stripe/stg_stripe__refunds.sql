{{ config(enabled=is_fed_by('billing', 'refunds', 'stripe')) }}

with refunds as (
    {{ raw_table('stripe', 'refund') }}
),

charges as (
    {{ raw_table('stripe', 'charge') }}
),

invoices as (
    {{ raw_table('stripe', 'invoice') }}
),

-- Invoices count net of tax, so the tax that a refund gives back is left out.
net_refunds as (
    select
        refunds.id as refund_id,
        refunds.charge_id as payment_id,
        charges.customer_id as billing_customer_id,
        refunds.amount * coalesce(
            cast(invoices.total - coalesce(invoices.tax, 0) as decimal(18, 6)) / nullif(invoices.total, 0), 1
        ) as net_amount,
        refunds.currency,
        refunds.created as refunded_at,
        refunds._fivetran_synced as loaded_at
    from refunds
    left join charges on refunds.charge_id = charges.id
    left join invoices on charges.invoice_id = invoices.id
    where
        coalesce(refunds.status, 'succeeded') in ('succeeded', 'pending')
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
