{#- Identifiers that say who somebody is; a browser alone does not. #}
{%- set of_people = "identifier_type <> 'anonymous_id'" %}

-- Where identifiers of a customer went when identities were merged, split or corrected.
with ended as (
    select
        node,
        customer_id,
        max(valid_to) as moved_at
    from {{ ref('identity_assignments') }}
    where end_reason in ('merged', 'split', 'moved') and {{ of_people }}
    group by node, customer_id
),

moved as (
    select
        ended.customer_id as from_entity_id,
        present.customer_id as to_entity_id,
        max(ended.moved_at) as moved_at,
        count(*) as identifier_count
    from ended
    inner join {{ ref('identity_assignments') }} as present
        on ended.node = present.node and ended.customer_id <> present.customer_id
    where present.valid_to is null
    group by ended.customer_id, present.customer_id
),

still_there as (
    select distinct ended.customer_id
    from ended
    inner join {{ ref('identity_assignments') }} as present on ended.customer_id = present.customer_id
    where present.valid_to is null and present.{{ of_people }}
),

customers as (
    select
        'customer' as entity,
        moved.from_entity_id,
        moved.to_entity_id,
        moved.moved_at,
        still_there.customer_id is null as is_gone,
        row_number() over (
            partition by moved.from_entity_id order by moved.identifier_count desc, moved.to_entity_id asc
        ) as position
    from moved
    left join still_there on moved.from_entity_id = still_there.customer_id
),

accounts as (
    select
        'account' as entity,
        merged_id as from_entity_id,
        surviving_id as to_entity_id,
        merged_at as moved_at,
        true as is_gone,
        1 as position
    from {{ ref('int_identity__merges') }}
    where object = 'account'
)

select * from customers
union all
select * from accounts
