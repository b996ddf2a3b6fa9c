{{ config(materialized='view') }}

-- The map without the systems: what a source's row is looked up in.
with assignments as (
    select * from {{ ref('identity_assignments') }}
    where valid_to is null
),

test_customers as (
    select * from {{ ref('int_identity__test_customers') }}
)

select
    assignments.identifier_type,
    assignments.identifier_value,
    assignments.customer_id,
    test_customers.customer_id is not null as is_test
from assignments
left join test_customers on assignments.customer_id = test_customers.customer_id
