{{ config(enabled=is_fed_by('billing', 'payments', 'stripe')) }}

with charges as (
    {{ raw_table('stripe', 'charge') }}
),

renamed as (
    select
        -- ids
        id as payment_id,
        invoice_id,
        customer_id as billing_customer_id,

        -- text and numbers
        {{ stripe_major_units('amount', 'currency') }} as amount,
        currency,
        status,

        -- times
        created as attempted_at,
        _fivetran_synced as loaded_at
    from charges
    where coalesce(livemode, true)
)

select * from renamed
