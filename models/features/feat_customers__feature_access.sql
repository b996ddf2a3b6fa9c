with customers as (
    select
        customer_id,
        account_id
    from {{ ref('dim_customers') }}
),

billing as (
    select
        customer_id,
        plan
    from {{ ref('feat_customers__billing') }}
),

account_billing as (
    select
        account_id,
        plan
    from {{ ref('feat_accounts__billing') }}
),

plan_features as (
    select
        plan,
        {{ dbt.listagg('feature', "','") }} as features
    from {{ ref('plan_features') }}
    group by plan
),

-- Who does not pay uses what the account pays for.
plans as (
    select
        customers.customer_id,
        coalesce(billing.plan, account_billing.plan) as usable_plan
    from customers
    left join billing on customers.customer_id = billing.customer_id
    left join account_billing on customers.account_id = account_billing.account_id
)

select
    plans.customer_id,
    plans.usable_plan,
    {{ comma_list('plan_features.features') }} as available_features
from plans
left join plan_features on plans.usable_plan = plan_features.plan
where plans.usable_plan is not null
