{{ config(enabled=is_fed_by('billing', 'payments', 'stripe')) }}

with charges as (
    {{ raw_table('stripe', 'charge') }}
),

intents as (
    {{ raw_table('stripe', 'payment_intent') }}
),

invoices as (
    {{ raw_table('stripe', 'invoice') }}
),

-- An invoice names the charge or the intent that paid it; in some versions of Stripe's
-- API these name the invoice.
invoices_of_charges as (
    select
        charge_id,
        min(id) as invoice_id
    from invoices
    where charge_id is not null
    group by charge_id
),

invoices_of_intents as (
    select
        payment_intent_id,
        min(id) as invoice_id
    from invoices
    where payment_intent_id is not null
    group by payment_intent_id
),

charged_intents as (
    select payment_intent_id
    from charges
    where payment_intent_id is not null
    group by payment_intent_id
),

-- A payment is an attempt to collect money. Stripe makes a charge for each attempt of a
-- payment intent; an intent that no charge belongs to stands for its last attempt.
attempts as (
    select
        charges.id as payment_id,
        charges.payment_intent_id,
        coalesce(charges.invoice_id, invoices_of_charges.invoice_id) as invoice_id,
        coalesce(charges.customer_id, intents.customer_id) as customer_id,
        charges.amount,
        charges.currency,
        -- Money that was only reserved is not collected yet.
        case
            when lower(charges.status) = 'succeeded' and not coalesce(charges.captured, true) then 'pending'
            else lower(charges.status)
        end as status,
        charges.created,
        charges._fivetran_synced as loaded_at
    from charges
    left join intents on charges.payment_intent_id = intents.id
    left join invoices_of_charges on charges.id = invoices_of_charges.charge_id
    where coalesce(charges.livemode, true)

    union all

    select
        intents.id as payment_id,
        intents.id as payment_intent_id,
        null as invoice_id,
        intents.customer_id,
        case when lower(intents.status) = 'succeeded' then coalesce(intents.amount_received, intents.amount)
            else intents.amount
        end as amount,
        intents.currency,
        case lower(intents.status)
            when 'succeeded' then 'succeeded'
            when 'processing' then 'pending'
            when 'requires_capture' then 'pending'
            else 'failed'
        end as status,
        intents.created,
        intents._fivetran_synced as loaded_at
    from intents
    left join charged_intents on intents.id = charged_intents.payment_intent_id
    where
        charged_intents.payment_intent_id is null
        and coalesce(intents.livemode, true)
        -- Without an error the person has not tried to pay yet, or gave up before.
        and (
            lower(intents.status) in ('succeeded', 'processing', 'requires_capture')
            or (
                lower(intents.status) in ('requires_payment_method', 'canceled')
                and intents.last_payment_error_code is not null
            )
        )
),

final as (
    select
        -- ids
        attempts.payment_id,
        coalesce(attempts.invoice_id, invoices_of_intents.invoice_id) as invoice_id,
        attempts.customer_id as billing_customer_id,

        -- text and numbers
        {{ stripe_major_units('attempts.amount', 'attempts.currency') }} as amount,
        attempts.currency,
        attempts.status,

        -- times
        attempts.created as attempted_at,
        attempts.loaded_at
    from attempts
    left join invoices_of_intents on attempts.payment_intent_id = invoices_of_intents.payment_intent_id
)

select * from final
