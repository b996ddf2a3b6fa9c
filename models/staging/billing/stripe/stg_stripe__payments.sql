{{ config(enabled=is_fed_by('billing', 'payments', 'stripe')) }}

with payments as (
    {{ stripe_payments() }}
),

renamed as (
    select
        -- ids
        payment_id,
        invoice_id,
        customer_id as billing_customer_id,

        -- text and numbers
        {{ stripe_major_units('amount', 'currency') }} as amount,
        currency,
        status,

        -- times
        created as attempted_at,
        loaded_at
    from payments
)

select * from renamed
