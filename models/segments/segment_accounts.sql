{{ config(materialized='view') }}

with members as (
    select * from {{ ref('segment_membership') }}
    where entity = 'customer'
),

people as (
    select distinct
        customer_id,
        account_id
    from {{ ref('customer_accounts') }}
    where valid_to is null
)

select
    members.segment_id,
    people.account_id,
    count(*) as member_count,
    min(members.entered_at) as first_entered_at
from members
inner join people on members.entity_id = people.customer_id
group by members.segment_id, people.account_id
