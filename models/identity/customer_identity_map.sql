with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

components as (
    select * from {{ ref('identity_components') }}
),

test_domains as (
    select * from {{ ref('test_domains') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

sightings as (
    select
        components.component,
        identifiers.node,
        identifiers.identifier_type,
        identifiers.source_system,
        identifiers.identifier_value,
        min(identifiers.seen_at) as first_seen_at
    from identifiers
    inner join components on identifiers.node = components.node
    group by
        components.component,
        identifiers.node,
        identifiers.identifier_type,
        identifiers.source_system,
        identifiers.identifier_value
),

-- A customer is named after the identifier it was first known by, so the name stays
-- when another identifier appears. Anonymous ids do not count: they are older than
-- the person's first real identifier but become the person's only later.
named as (
    select
        component,
        node,
        row_number() over (partition by component order by first_seen_at, node) as position
    from sightings
    where identifier_type <> 'anonymous_id'
),

test_components as (
    select sightings.component
    from sightings
    inner join test_domains
        on sightings.identifier_type = 'email'
        and sightings.identifier_value like '%@' || test_domains.domain
    union
    select sightings.component
    from sightings
    inner join contacts
        on sightings.identifier_type = 'contact_id'
        and sightings.identifier_value = contacts.contact_id
    where contacts.is_test
)

select
    sightings.identifier_type,
    sightings.source_system,
    sightings.identifier_value,
    'cus_' || substring(md5(named.node) from 1 for 20) as customer_id,
    sightings.first_seen_at,
    test_components.component is not null as is_test
from sightings
inner join named on sightings.component = named.component and named.position = 1
left join test_components on sightings.component = test_components.component
