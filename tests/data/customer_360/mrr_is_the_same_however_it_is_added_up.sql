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
    month,
    customer_id,
    by_customer.mrr,
    by_currency.mrr as other_mrr
from by_customer
full outer join by_currency using (month, customer_id)
where by_customer.mrr is distinct from by_currency.mrr
union all
select
    'feature' as added_by,
    month,
    customer_id,
    running.mrr,
    at_the_instant.mrr as other_mrr
from (
    select * from by_customer
    where month = cast(date_trunc('month', {{ as_of() }}) as date)
) as running
full outer join at_the_instant using (month, customer_id)
where running.mrr is distinct from at_the_instant.mrr
