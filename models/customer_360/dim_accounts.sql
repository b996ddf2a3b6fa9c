{%- set attributes = [
    'name', 'industry', 'employee_count', 'annual_revenue', 'country', 'region', 'delivery_model',
] -%}

with merged as (
    select * from {{ ref('int_accounts__merged') }}
),

crm_accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

memberships as (
    select * from {{ ref('customer_accounts') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

responses as (
    select * from {{ ref('fct_survey_responses') }}
),

attributes as (
    select * from {{ ref('account_attributes') }}
    where is_chosen
),

country_regions as (
    select * from {{ ref('country_regions') }}
),

-- An account that only billing, the product, the help desk or a survey knows is still an account.
account_ids as (
    select coalesce(merged.surviving_account_id, crm_accounts.account_id) as account_id
    from crm_accounts
    left join merged on crm_accounts.account_id = merged.account_id
    union
    select account_id from memberships
    union
    select account_id from tickets
    where account_id is not null
    union
    select account_id from responses
    where account_id is not null
),

attributes_wide as (
    select
        account_id,
        {%- for attribute in attributes %}
        max(case when attribute = '{{ attribute }}' then value end) as {{ attribute }},
        {%- endfor %}
        {{ dbt.listagg("case when attribute = 'tech_stack' then value end", "','") }} as tech_stack
    from attributes
    group by account_id
)

select
    -- ids
    account_ids.account_id,

    -- text
    attributes_wide.name,
    {{ bare_domain('crm_accounts.domain') }} as domain,
    attributes_wide.industry,
    attributes_wide.country,
    attributes_wide.region,
    country_regions.world_region,
    attributes_wide.delivery_model,
    {{ comma_list('attributes_wide.tech_stack') }} as tech_stack,

    -- numbers
    cast(attributes_wide.employee_count as integer) as employee_count,
    cast(attributes_wide.annual_revenue as decimal(18, 2)) as annual_revenue,

    -- times
    crm_accounts.created_at
from account_ids
left join crm_accounts on account_ids.account_id = crm_accounts.account_id
left join attributes_wide on account_ids.account_id = attributes_wide.account_id
left join country_regions on attributes_wide.country = country_regions.country
