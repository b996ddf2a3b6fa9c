with given as (
    select * from {{ ref('stg_billing__invoices') }}
),

invoices as (
    {{ with_billing_owner('given') }}
),

-- A purchase is an invoice that is neither void nor negative. Recency, frequency and
-- monetary value count purchases; credit notes lower revenue instead.
judged as (
    select
        *,
        coalesce(status, 'paid') not in ('void', 'draft') as is_valid,
        coalesce(due_at, issued_at + interval '{{ var("payment_term_days") }}' day) as falls_due_at
    from invoices
)

select
    -- ids
    invoice_id,
    billing_customer_id,
    customer_id,
    account_id,

    -- text
    status,
    product,
    currency,

    -- numbers
    amount,
    amount_original,
    cost,
    cast(
        case when is_valid and coalesce(status, 'paid') <> 'uncollectible' then amount else 0 end as decimal(18, 2)
    ) as revenue,

    -- booleans
    is_valid and amount >= 0 as is_purchase,
    is_valid and amount < 0 as is_credit_note,
    coalesce(status = 'open' and amount > 0 and falls_due_at < {{ as_of() }}, false) as is_overdue,

    -- times
    issued_at,
    falls_due_at as due_at,
    paid_at,
    loaded_at
from judged
