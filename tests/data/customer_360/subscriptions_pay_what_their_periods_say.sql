with paid as (
    select
        subscription_id,
        sum(mrr) as mrr
    from {{ ref('fct_subscription_periods') }}
    where valid_to is null
    group by subscription_id
)

select
    subscriptions.subscription_id,
    subscriptions.status,
    subscriptions.mrr,
    paid.mrr as paid_now
from {{ ref('fct_subscriptions') }} as subscriptions
left join paid on subscriptions.subscription_id = paid.subscription_id
where coalesce(subscriptions.mrr, 0) <> coalesce(paid.mrr, 0)
