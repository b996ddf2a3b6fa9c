with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

quarantine as (
    select * from {{ ref('identity_quarantine') }}
),

trusted as (
    select identifiers.*
    from identifiers
    left join quarantine on identifiers.node = quarantine.node
    where quarantine.node is null
),

hubs as (
    select
        record_id,
        min(node) as node
    from trusted
    group by record_id
)

-- A record's identifiers as a star around the smallest of them. A record with one
-- identifier is an edge from it to itself, so that every identifier has a component.
select
    hubs.node as node_a,
    trusted.node as node_b,
    min(trusted.seen_at) as first_seen_at
from trusted
inner join hubs on trusted.record_id = hubs.record_id
group by hubs.node, trusted.node
