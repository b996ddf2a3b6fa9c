with purchases as (
    select * from {{ ref('fct_invoices') }}
    where is_purchase
),

ordered as (
    select
        *,
        row_number() over (partition by customer_id order by issued_at, invoice_id) as place,
        lag(issued_at) over (partition by customer_id order by issued_at, invoice_id) as previous_at
    from purchases
)

select
    invoice_id as order_id,
    customer_id,
    account_id,
    product,
    currency,
    amount,
    case when customer_id is not null then cast(place as integer) end as order_number,
    case
        when customer_id is not null
            then cast(cast(issued_at as date) - cast(previous_at as date) as integer)
    end as days_since_previous_order,
    issued_at as ordered_at
from ordered
