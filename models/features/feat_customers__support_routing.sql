with customers as (
    select * from {{ ref('dim_customers') }}
),

billing as (
    select
        customer_id,
        plan,
        mrr
    from {{ ref('feat_customers__billing') }}
),

support_tiers as (
    select * from {{ ref('support_tiers') }}
),

-- The first tier whose conditions hold; without billing nobody pays anything.
tiers as (
    select
        customers.customer_id,
        support_tiers.support_tier,
        row_number() over (partition by customers.customer_id order by support_tiers.rank asc) as position
    from customers
    left join billing on customers.customer_id = billing.customer_id
    inner join support_tiers
        on coalesce(billing.mrr, 0) >= support_tiers.minimum_mrr
        and (support_tiers.plan is null or billing.plan = support_tiers.plan)
)

select
    customers.customer_id,
    tiers.support_tier,
    customers.world_region as support_region
from customers
left join tiers on customers.customer_id = tiers.customer_id and tiers.position = 1
