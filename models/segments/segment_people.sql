{{ config(materialized='view') }}

with members as (
    select * from {{ ref('segment_membership') }}
    where entity = 'account'
),

-- Somebody may be known to belong to an account from several sources.
people as (
    select distinct
        customer_id,
        account_id
    from {{ ref('customer_accounts') }}
    where valid_to is null
)

select
    members.segment_id,
    members.entity_id as account_id,
    people.customer_id,
    members.entered_at
from members
inner join people on members.entity_id = people.account_id
