{{ config(materialized='view') }}
{#- The audit reads this setting; here it is checked. -#}
{%- do identity_setting('max_quarantined_share') %}

with nodes as (
    select * from {{ ref('int_identity__nodes') }}
    where is_current and identifier_type <> 'anonymous_id'
),

quarantined as (
    select distinct node from {{ ref('identity_quarantine') }}
),

assignments as (
    select * from {{ ref('identity_assignments') }}
    where valid_to is null
),

-- Browsers come and go, and are not counted where a customer is too large, either.
sizes as (
    select
        customer_id,
        count(*) as part_size
    from assignments
    where identifier_type <> 'anonymous_id'
    group by customer_id
)

select
    nodes.node,
    nodes.identifier_type,
    quarantined.node is not null as is_quarantined,
    sizes.part_size
from nodes
left join quarantined on nodes.node = quarantined.node
left join assignments on nodes.node = assignments.node
left join sizes on assignments.customer_id = sizes.customer_id
