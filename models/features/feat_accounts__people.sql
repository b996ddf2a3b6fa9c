{#- Days of the last 28 on which a champion was active: three a week. -#}
{%- set champion_days = 12 -%}

with accounts as (
    select account_id from {{ ref('dim_accounts') }}
),

memberships as (
    select * from {{ ref('customer_accounts') }}
),

contacts as (
    select
        customer_id,
        account_id,
        job_title
    from {{ ref('dim_customers') }}
    where account_id is not null
),

activity as (
    select * from {{ ref('feat_customers__activity') }}
),

job_titles as (
    select * from {{ ref('int_job_titles__classified') }}
),

-- Users as the product names their accounts.
named_users as (
    select
        customer_id,
        account_id,
        valid_from as first_seen_at,
        last_seen_at
    from memberships
    where source = 'events'
),

last_named as (
    select
        customer_id,
        max(last_seen_at) as last_seen_at
    from named_users
    group by customer_id
),

-- What somebody does without naming an account counts for the primary one.
unnamed_users as (
    select
        contacts.customer_id,
        contacts.account_id,
        activity.first_seen_at,
        activity.last_seen_at
    from contacts
    inner join activity on contacts.customer_id = activity.customer_id
    left join last_named on contacts.customer_id = last_named.customer_id
    where last_named.customer_id is null or activity.last_seen_at > last_named.last_seen_at
),

users as (
    select
        account_id,
        customer_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from (
        select * from named_users
        union all
        select * from unnamed_users
    ) as seen
    group by account_id, customer_id
),

counted_users as (
    select
        users.account_id,
        count(*) as user_count,
        count(case when {{ calendar_window('users.last_seen_at', 7) }} then 1 end) as active_users_last_7,
        count(case when {{ calendar_window('users.last_seen_at', 28) }} then 1 end) as active_users_last_28,
        count(case when {{ calendar_window('users.first_seen_at', 28) }} then 1 end) as new_users_last_28,
        count(case
            when
                activity.active_days_last_28 >= {{ champion_days }}
                and {{ calendar_window('users.last_seen_at', 28) }}
                then 1
        end) as champion_count,
        max(users.last_seen_at) as last_seen_at
    from users
    left join activity on users.customer_id = activity.customer_id
    group by users.account_id
),

counted_contacts as (
    select
        contacts.account_id,
        count(*) as contact_count,
        count(case when job_titles.is_decision_maker then 1 end) as decision_maker_count
    from contacts
    left join job_titles on contacts.job_title = job_titles.job_title
    group by contacts.account_id
)

select
    accounts.account_id,
    coalesce(counted_contacts.contact_count, 0) as contact_count,
    coalesce(counted_contacts.decision_maker_count, 0) as decision_maker_count,
    coalesce(counted_users.user_count, 0) as user_count,
    coalesce(counted_users.active_users_last_7, 0) as active_users_last_7,
    coalesce(counted_users.active_users_last_28, 0) as active_users_last_28,
    coalesce(counted_users.new_users_last_28, 0) as new_users_last_28,
    coalesce(counted_users.champion_count, 0) as champion_count,
    {{ days_since('counted_users.last_seen_at') }} as days_since_last_seen,
    counted_users.last_seen_at
from accounts
left join counted_contacts on accounts.account_id = counted_contacts.account_id
left join counted_users on accounts.account_id = counted_users.account_id
