with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

assignments as (
    select * from {{ ref('identity_assignments') }}
    where valid_to is null
),

test_accounts as (
    select * from {{ ref('test_accounts') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

billing_customers as (
    select * from {{ ref('stg_billing__customers') }}
),

sightings as (
    select
        assignments.customer_id,
        identifiers.identifier_type,
        identifiers.source_system,
        identifiers.identifier_value,
        min(identifiers.seen_at) as first_seen_at
    from identifiers
    inner join assignments on identifiers.node = assignments.node
    group by
        assignments.customer_id,
        identifiers.identifier_type,
        identifiers.source_system,
        identifiers.identifier_value
),

account_members as (
    select
        'contact_id' as identifier_type,
        contact_id as identifier_value,
        account_id
    from contacts
    union all
    select
        'billing_customer_id' as identifier_type,
        billing_customer_id as identifier_value,
        account_id
    from billing_customers
),

test_customers as (
    select assignments.customer_id
    from assignments
    inner join test_accounts
        on case test_accounts.rule_type
            when 'domain'
                then
                    assignments.identifier_type = 'email'
                    and assignments.identifier_value like '%@' || test_accounts.value
            when 'email_pattern'
                then
                    assignments.identifier_type = 'email'
                    and assignments.identifier_value like test_accounts.value
            else
                assignments.identifier_type = test_accounts.rule_type
                and assignments.identifier_value = test_accounts.value
        end
    union
    select assignments.customer_id
    from assignments
    inner join account_members
        on assignments.identifier_type = account_members.identifier_type
        and assignments.identifier_value = account_members.identifier_value
    inner join test_accounts
        on test_accounts.rule_type = 'account' and account_members.account_id = test_accounts.value
    union
    select assignments.customer_id
    from assignments
    inner join contacts
        on assignments.identifier_type = 'contact_id'
        and assignments.identifier_value = contacts.contact_id
    where contacts.is_test
)

select
    sightings.identifier_type,
    sightings.source_system,
    sightings.identifier_value,
    sightings.customer_id,
    sightings.first_seen_at,
    test_customers.customer_id is not null as is_test
from sightings
left join test_customers on sightings.customer_id = test_customers.customer_id
