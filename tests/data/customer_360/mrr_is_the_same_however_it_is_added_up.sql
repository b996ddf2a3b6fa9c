-- A month's MRR by customer and by currency, and the features' MRR at the instant.
with by_customer as (
    select
        month,
        customer_id,
        mrr
    from {{ ref('mrr_by_month') }}
),

by_currency as (
    select
        month,
        customer_id,
        sum(mrr) as mrr
    from {{ ref('mrr_by_month_and_currency') }}
    group by month, customer_id
),

at_the_instant as (
    select
        cast(date_trunc('month', {{ as_of() }}) as date) as month,
        customer_id,
        mrr
    from {{ ref('feat_customers__billing') }}
    where mrr > 0
)

select
    'currency' as added_by,
    coalesce(by_customer.month, by_currency.month) as month,
    coalesce(by_customer.customer_id, by_currency.customer_id) as customer_id,
    by_customer.mrr,
    by_currency.mrr as other_mrr
from by_customer
full outer join by_currency
    on by_customer.month = by_currency.month and by_customer.customer_id = by_currency.customer_id
where by_customer.mrr is distinct from by_currency.mrr
union all
select
    'feature' as added_by,
    coalesce(running.month, at_the_instant.month) as month,
    coalesce(running.customer_id, at_the_instant.customer_id) as customer_id,
    running.mrr,
    at_the_instant.mrr as other_mrr
from (
    select * from by_customer
    where month = cast(date_trunc('month', {{ as_of() }}) as date)
) as running
full outer join at_the_instant
    on running.month = at_the_instant.month and running.customer_id = at_the_instant.customer_id
where running.mrr is distinct from at_the_instant.mrr
