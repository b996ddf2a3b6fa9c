with accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

country_names as (
    select * from {{ ref('int_country_names') }}
),

-- An account that only billing or the product knows is still an account.
account_ids as (
    select account_id from accounts
    union
    select account_id from customers
    where account_id is not null
)

select
    account_ids.account_id,
    accounts.name,
    accounts.domain,
    accounts.industry,
    accounts.employee_count,
    accounts.annual_revenue,
    coalesce(country_names.country, upper(accounts.country)) as country,
    accounts.region,
    accounts.delivery_model,
    accounts.tech_stack,
    accounts.created_at
from account_ids
left join accounts on account_ids.account_id = accounts.account_id
left join country_names on upper(trim(accounts.country)) = country_names.name
