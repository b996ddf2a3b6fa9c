select
    month,
    account_id,
    cast(sum(mrr) as decimal(18, 2)) as mrr
from {{ ref('int_subscriptions__mrr_by_month') }}
where account_id is not null
group by month, account_id
