with assignments as (
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

select customer_id from test_customers
