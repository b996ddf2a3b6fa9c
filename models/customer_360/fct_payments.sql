with given as (
    select * from {{ ref('stg_billing__payments') }}
),

payments as (
    {{ with_billing_owner('given') }}
)

select
    -- ids
    payment_id,
    invoice_id,
    billing_customer_id,
    customer_id,
    account_id,

    -- text
    status,
    currency,

    -- numbers
    amount,
    amount_original,

    -- booleans
    coalesce(status = 'failed', false) as is_failed,

    -- times
    attempted_at,
    loaded_at
from payments
