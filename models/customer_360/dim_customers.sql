{%- set attributes = [
    'first_name', 'last_name', 'gender', 'marital_status', 'education', 'income_band', 'job_title', 'language',
    'timezone', 'country', 'region', 'city', 'postal_code', 'lifecycle_stage', 'lead_source', 'persona', 'birth_date',
] -%}

with identity_map as (
    select * from {{ ref('customer_identity_map') }}
),

contacts as (
    {{ with_customer(ref('stg_crm__contacts'), by=['contact_id']) }}
),

billing_customers as (
    {{ with_customer(ref('stg_billing__customers'), by=['billing_customer_id']) }}
),

contact_phones as (
    select
        record_id,
        identifier_value as phone
    from {{ ref('int_identity__record_identifiers') }}
    where record_type = 'contact' and identifier_type = 'phone' and is_current
),

attributes as (
    select * from {{ ref('customer_attributes') }}
    where is_chosen
),

primary_accounts as (
    select * from {{ ref('customer_accounts') }}
    where is_primary
),

country_regions as (
    select * from {{ ref('country_regions') }}
),

customers as (
    select
        customer_id,
        min(first_seen_at) as first_identified_at,
        min(case when identifier_type = 'email' then identifier_value end) as any_email,
        max(case when identifier_type = 'user_id' then 1 else 0 end) = 1 as has_user,
        max(case when identifier_type = 'billing_customer_id' then 1 else 0 end) = 1 as has_billing
    from identity_map
    where not is_test
    group by customer_id
),

crm_emails as (
    select
        customer_id,
        {{ normalise_email('email') }} as email,
        row_number() over (
            partition by customer_id
            order by updated_at desc nulls last, created_at desc nulls last, contact_id asc
        ) as recency
    from contacts
    where {{ normalise_email('email') }} is not null
),

-- A number that too many share identifies nobody, and is not in the map.
crm_phones as (
    select
        contacts.customer_id,
        contact_phones.phone,
        row_number() over (
            partition by contacts.customer_id
            order by contacts.updated_at desc nulls last, contacts.created_at desc nulls last, contacts.contact_id asc
        ) as recency
    from contacts
    inner join contact_phones on 'contact:' || contacts.contact_id = contact_phones.record_id
    inner join identity_map
        on contacts.customer_id = identity_map.customer_id
        and contact_phones.phone = identity_map.identifier_value
        and identity_map.identifier_type = 'phone'
),

billing_emails as (
    select
        customer_id,
        {{ normalise_email('email') }} as email,
        row_number() over (
            partition by customer_id
            order by created_at desc nulls last, billing_customer_id asc
        ) as recency
    from billing_customers
    where {{ normalise_email('email') }} is not null
),

attributes_wide as (
    select
        customer_id,
        {%- for attribute in attributes %}
        max(case when attribute = '{{ attribute }}' then value end) as {{ attribute }},
        {%- endfor %}
        {{ dbt.listagg("case when attribute = 'interests' then value end", "','") }} as interests,
        {{ dbt.listagg("case when attribute = 'attitudes' then value end", "','") }} as attitudes
    from attributes
    group by customer_id
)

select
    -- ids
    customers.customer_id,
    coalesce(crm_emails.email, billing_emails.email, customers.any_email) as primary_email,
    crm_phones.phone as primary_phone,
    primary_accounts.account_id,

    -- who they are
    attributes_wide.first_name,
    attributes_wide.last_name,
    attributes_wide.gender,
    attributes_wide.marital_status,
    attributes_wide.education,
    attributes_wide.income_band,
    attributes_wide.job_title,
    {{ comma_list('attributes_wide.interests') }} as interests,
    {{ comma_list('attributes_wide.attitudes') }} as attitudes,
    attributes_wide.persona,
    attributes_wide.lead_source,
    attributes_wide.lifecycle_stage,

    -- where they are
    attributes_wide.language,
    coalesce(attributes_wide.timezone, country_regions.time_zone) as timezone,
    attributes_wide.country,
    attributes_wide.region,
    country_regions.world_region,
    attributes_wide.city,
    attributes_wide.postal_code,

    -- booleans
    customers.has_user,
    customers.has_billing,

    -- times
    cast(attributes_wide.birth_date as date) as born_on,
    customers.first_identified_at
from customers
left join attributes_wide on customers.customer_id = attributes_wide.customer_id
left join crm_emails on customers.customer_id = crm_emails.customer_id and crm_emails.recency = 1
left join billing_emails on customers.customer_id = billing_emails.customer_id and billing_emails.recency = 1
left join crm_phones on customers.customer_id = crm_phones.customer_id and crm_phones.recency = 1
left join primary_accounts on customers.customer_id = primary_accounts.customer_id
left join country_regions on attributes_wide.country = country_regions.country
