with identity_map as (
    select * from {{ ref('customer_identity_map') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

billing_customers as (
    select * from {{ ref('stg_billing__customers') }}
),

events as (
    select * from {{ ref('stg_events__events') }}
),

country_names as (
    select * from {{ ref('int_country_names') }}
),

customers as (
    select
        customer_id,
        min(first_seen_at) as first_identified_at,
        min(case when identifier_type = 'email' then identifier_value end) as any_email,
        max(case when identifier_type = 'user_id' then 1 else 0 end) = 1 as has_user
    from identity_map
    where not is_test
    group by customer_id
),

-- Several contacts of one person: the one that was edited last speaks.
customer_contacts as (
    select
        identifiers.customer_id,
        contacts.*,
        row_number() over (
            partition by identifiers.customer_id
            order by contacts.updated_at desc nulls last, contacts.created_at desc nulls last, contacts.contact_id asc
        ) as recency
    from contacts
    inner join identifiers
        on identifiers.identifier_type = 'contact_id' and contacts.contact_id = identifiers.identifier_value
),

customer_billing as (
    select
        identifiers.customer_id,
        billing_customers.*,
        row_number() over (
            partition by identifiers.customer_id
            order by billing_customers.created_at desc nulls last, billing_customers.billing_customer_id asc
        ) as recency
    from billing_customers
    inner join identifiers
        on identifiers.identifier_type = 'billing_customer_id'
        and billing_customers.billing_customer_id = identifiers.identifier_value
),

event_accounts as (
    select
        identifiers.customer_id,
        events.account_id,
        row_number() over (
            partition by identifiers.customer_id
            order by max(events.occurred_at) desc, events.account_id asc
        ) as recency
    from events
    inner join identifiers
        on identifiers.identifier_type = 'user_id' and events.user_id = identifiers.identifier_value
    where events.account_id is not null
    group by identifiers.customer_id, events.account_id
)

select
    -- ids
    customers.customer_id,
    coalesce(
        {{ normalise_email('crm.email') }},
        {{ normalise_email('billing.email') }},
        customers.any_email
    ) as primary_email,
    coalesce(crm.account_id, billing.account_id, event_accounts.account_id) as account_id,

    -- text
    crm.first_name,
    crm.last_name,
    coalesce(country_names.country, upper(crm.country), upper(billing.country)) as country,
    crm.region,
    country_names.world_region,
    crm.city,
    crm.language,
    crm.timezone,
    crm.gender,
    crm.job_title,
    crm.persona,
    crm.lead_source,
    crm.lifecycle_stage,

    -- booleans
    customers.has_user,
    billing.billing_customer_id is not null as has_billing,

    -- times
    crm.birth_date as born_on,
    customers.first_identified_at
from customers
left join customer_contacts as crm on customers.customer_id = crm.customer_id and crm.recency = 1
left join customer_billing as billing on customers.customer_id = billing.customer_id and billing.recency = 1
left join event_accounts on customers.customer_id = event_accounts.customer_id and event_accounts.recency = 1
left join country_names on upper(trim(coalesce(crm.country, billing.country))) = country_names.name
