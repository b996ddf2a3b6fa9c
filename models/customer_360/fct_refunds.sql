with given as (
    select * from {{ ref('stg_billing__refunds') }}
),

refunds as (
    {{ with_billing_owner('given') }}
)

select
    -- ids
    refund_id,
    payment_id,
    billing_customer_id,
    customer_id,
    account_id,

    -- text
    currency,

    -- numbers
    amount,
    amount_original,

    -- times
    refunded_at,
    loaded_at
from refunds
