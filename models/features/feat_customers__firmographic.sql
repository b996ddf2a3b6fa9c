with customers as (
    select * from {{ ref('dim_customers') }}
    where account_id is not null
),

accounts as (
    select * from {{ ref('feat_accounts__firmographic') }}
)

select
    customers.customer_id,
    accounts.industry as account_industry,
    accounts.employee_band as account_employee_band,
    accounts.revenue_band as account_revenue_band,
    accounts.delivery_model as account_delivery_model,
    accounts.country as account_country,
    accounts.world_region as account_world_region,
    accounts.tech_stack as account_tech_stack,
    accounts.employee_count as account_employee_count,
    accounts.annual_revenue as account_annual_revenue,
    accounts.tech_count as account_tech_count
from customers
inner join accounts on customers.account_id = accounts.account_id
