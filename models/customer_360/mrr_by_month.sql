select
    month,
    customer_id,
    cast(sum(mrr) as decimal(18, 2)) as mrr
from {{ ref('int_subscriptions__mrr_by_month') }}
where customer_id is not null
group by month, customer_id
