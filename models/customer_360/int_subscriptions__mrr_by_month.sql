with recursive periods as (
    select * from {{ ref('fct_subscription_periods') }}
    where mrr > 0 or mrr_original > 0
),

months (month) as (
    select cast(date_trunc('month', min(valid_from)) as date) as month
    from periods
    union all
    select cast(month + interval '1' month as date) as month
    from months
    where cast(month + interval '1' month as date) <= cast({{ as_of() }} as date)
)

-- What holds when a month ends has begun before the next month does, and ends no earlier. Of the
-- running month that leaves what has not ended by the instant.
select
    months.month,
    periods.subscription_id,
    periods.customer_id,
    periods.account_id,
    periods.plan,
    periods.currency,
    periods.quantity,
    periods.mrr,
    periods.mrr_original
from months
inner join periods
    on periods.valid_from < cast(months.month + interval '1' month as timestamp)
    and (periods.valid_to is null or periods.valid_to >= cast(months.month + interval '1' month as timestamp))
