{{ config(materialized='view') }}

with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

assignments as (
    select * from {{ ref('identity_assignments') }}
    where valid_to is null
),

test_customers as (
    select * from {{ ref('int_identity__test_customers') }}
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
