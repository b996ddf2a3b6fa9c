select
    month,
    customer_id,
    currency,
    cast(sum(mrr) as decimal(18, 2)) as mrr,
    cast(sum(mrr_original) as decimal(18, 2)) as mrr_original
from {{ ref('int_subscriptions__mrr_by_month') }}
where customer_id is not null
group by month, customer_id, currency
