{{ config(enabled=is_fed_by('billing', 'invoices', 'stripe')) }}

with raw_invoices as (
    {{ raw_table('stripe', 'invoice') }}
),

lines as (
    {{ raw_table('stripe', 'invoice_line_item') }}
),

payments as (
    select * from {{ ref('stg_stripe__payments') }}
),

raw_credit_notes as (
    {{ raw_table('stripe', 'credit_note') }}
),

refunds as (
    {{ raw_table('stripe', 'refund') }}
),

prices as (
    {{ stripe_prices() }}
),

-- An invoice is for the product of its largest line.
ranked_lines as (
    select
        lines.invoice_id,
        coalesce(prices.product_name, lines.description) as product,
        row_number() over (partition by lines.invoice_id order by -lines.amount, lines.id) as preference
    from lines
    left join prices on lines.plan_id = prices.price_id
),

first_payments as (
    select
        invoice_id,
        min(attempted_at) as paid_at
    from payments
    where status = 'succeeded' and invoice_id is not null
    group by invoice_id
),

-- Revenue is net of tax and of discounts; Stripe's `subtotal` is before discounts.
invoices as (
    select
        raw_invoices.id,
        raw_invoices.customer_id,
        raw_invoices.currency,
        coalesce(raw_invoices.total - coalesce(raw_invoices.tax, 0), raw_invoices.subtotal) as net_amount,
        raw_invoices.total,
        case
            when raw_invoices.status = 'void' and raw_invoices.status_transitions_voided_at > {{ as_of() }} then 'open'
            when raw_invoices.status = 'uncollectible'
                and raw_invoices.status_transitions_marked_uncollectible_at > {{ as_of() }} then 'open'
            else raw_invoices.status
        end as status,
        ranked_lines.product,
        coalesce(
            raw_invoices.status_transitions_finalized_at, raw_invoices.created, raw_invoices.period_end
        ) as issued_at,
        raw_invoices.due_date as due_at,
        case
            when coalesce(raw_invoices.status, '') <> 'paid' and not coalesce(raw_invoices.paid, false) then null
            when raw_invoices.status_transitions_paid_at is not null then raw_invoices.status_transitions_paid_at
            when first_payments.paid_at is not null then first_payments.paid_at
            -- Nothing to pay: paid when issued.
            when coalesce(raw_invoices.amount_due, raw_invoices.total) = 0
                then
                    coalesce(
                        raw_invoices.status_transitions_finalized_at, raw_invoices.created, raw_invoices.period_end
                    )
        end as paid_at,
        raw_invoices._fivetran_synced as loaded_at
    from raw_invoices
    left join ranked_lines on raw_invoices.id = ranked_lines.invoice_id and ranked_lines.preference = 1
    left join first_payments on raw_invoices.id = first_payments.invoice_id
    where
        coalesce(raw_invoices.status, 'open') <> 'draft'
        and not coalesce(raw_invoices.is_deleted, false)
        and coalesce(raw_invoices.livemode, true)
        -- Stripe issues an invoice over nothing when a trial starts. It is no sale.
        and (raw_invoices.total <> 0 or coalesce(raw_invoices.subtotal, 0) <> 0 or raw_invoices.total is null)
),

-- A credit note that was paid out is in the refunds, and is not taken off twice.
credit_notes as (
    select
        raw_credit_notes.id,
        invoices.customer_id,
        raw_credit_notes.currency,
        -- The tax it gives back is the invoice's share.
        -raw_credit_notes.total
        * coalesce(cast(invoices.net_amount as decimal(18, 6)) / nullif(invoices.total, 0), 1) as net_amount,
        'credit_note' as status,
        invoices.product,
        raw_credit_notes.created as issued_at,
        raw_credit_notes._fivetran_synced as loaded_at
    from raw_credit_notes
    inner join invoices on raw_credit_notes.invoice_id = invoices.id
    left join refunds
        on raw_credit_notes.refund_id = refunds.id and coalesce(refunds.status, 'succeeded') = 'succeeded'
    where
        (coalesce(raw_credit_notes.status, 'issued') <> 'void' or raw_credit_notes.voided_at > {{ as_of() }})
        and coalesce(raw_credit_notes.livemode, true)
        and refunds.id is null
),

final as (
    select
        id as invoice_id,
        customer_id as billing_customer_id,
        {{ stripe_major_units('net_amount', 'currency') }} as amount,
        currency,
        status,
        product,
        issued_at,
        due_at,
        paid_at,
        loaded_at
    from invoices
    union all
    select
        id as invoice_id,
        customer_id as billing_customer_id,
        {{ stripe_major_units('cast(net_amount as decimal(18, 6))', 'currency') }} as amount,
        currency,
        status,
        product,
        issued_at,
        null as due_at,
        null as paid_at,
        loaded_at
    from credit_notes
)

select * from final
