with accounts as (
    select * from {{ ref('dim_accounts') }}
),

employee_bands as (
    {{ bands('employee_bands', 'employee_band') }}
),

revenue_bands as (
    {{ bands('revenue_bands', 'revenue_band') }}
)

select
    accounts.account_id,
    accounts.industry,
    employee_bands.employee_band,
    revenue_bands.revenue_band,
    accounts.delivery_model,
    accounts.country,
    accounts.world_region,
    accounts.tech_stack,
    accounts.employee_count,
    accounts.annual_revenue,
    coalesce(
        length(accounts.tech_stack) - length(replace(accounts.tech_stack, ',', '')) + 1, 0
    ) as tech_count
from accounts
left join employee_bands
    on accounts.employee_count >= employee_bands.lower_bound
    and (accounts.employee_count < employee_bands.upper_bound or employee_bands.upper_bound is null)
left join revenue_bands
    on accounts.annual_revenue >= revenue_bands.lower_bound
    and (accounts.annual_revenue < revenue_bands.upper_bound or revenue_bands.upper_bound is null)
