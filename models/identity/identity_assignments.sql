{{ config(
    materialized='incremental',
    unique_key='assignment_id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
    post_hook="{{ drop_empty_stays() }}",
) }}

{%- if is_incremental() %}{% do refuse_earlier_assignments(this) %}{% endif %}
-- The components say who is one person; this table says what that person is called. The
-- run compares with the stays that were open just before the instant, so that running an
-- instant again changes nothing, and running it over corrected rows leaves what a first
-- run over them would have left.
{#- Named in the query itself: an engine copies a CTE that is read several times. -#}
{%- set identifiers = ref('int_identity__identifiers') ~ ' as identifiers' %}
{%- set components = ref('identity_components') ~ ' as components' %}
with quarantine as (
    select * from {{ ref('identity_quarantine') }}
),

{% if is_incremental() -%}
{#- Most components are what they were: their identifiers are exactly those of one customer,
    none of whose stays began or ended at the instant. There is nothing to decide about them. -#}
open_before as (
    select
        node,
        customer_id
    from {{ this }}
    where valid_from < {{ as_of() }} and valid_to is null
),

shared_nodes as (
    select
        components.component,
        open_before.customer_id,
        count(*) as node_count
    from {{ components }}
    inner join open_before on components.node = open_before.node
    group by components.component, open_before.customer_id
),

component_sizes as (
    select
        components.component,
        count(*) as node_count
    from {{ components }}
    group by components.component
),

customer_sizes as (
    select
        customer_id,
        count(*) as node_count
    from open_before
    group by customer_id
),

customers_of_this_instant as (
    select distinct customer_id
    from {{ this }}
    where valid_from = {{ as_of() }} or valid_to >= {{ as_of() }}
),

settled as (
    select
        shared_nodes.component,
        shared_nodes.customer_id
    from shared_nodes
    inner join component_sizes
        on shared_nodes.component = component_sizes.component and shared_nodes.node_count = component_sizes.node_count
    inner join customer_sizes
        on shared_nodes.customer_id = customer_sizes.customer_id and shared_nodes.node_count = customer_sizes.node_count
    left join customers_of_this_instant as moved on shared_nodes.customer_id = moved.customer_id
    where moved.customer_id is null
),

stays as (
    select stays.*
    from {{ this }} as stays
    left join settled on stays.customer_id = settled.customer_id
    where
        settled.customer_id is null
        and stays.valid_from <= {{ as_of() }}
        and (stays.valid_to is null or stays.valid_to >= {{ as_of() }})
),

customer_ages as (
    select
        stays.customer_id,
        min(stays.valid_from) as known_since,
        min(stays.first_seen_at) as first_seen_at
    from {{ this }} as stays
    left join settled on stays.customer_id = settled.customer_id
    where
        settled.customer_id is null
        and stays.valid_from < {{ as_of() }}
        and stays.identifier_type <> 'anonymous_id'
    group by stays.customer_id
),
{%- else -%}
settled as (
    select
        components.component,
        components.component as customer_id
    from {{ components }}
    where 1 = 0
),

stays as (
    {{ no_rows(model.columns) if execute else 'select 1 as nothing' }}
),

customer_ages as (
    select
        customer_id,
        valid_from as known_since,
        first_seen_at
    from stays
),
{%- endif %}

previous as (
    select * from stays
    where valid_from < {{ as_of() }}
),

-- Browsers that nobody signed in from are not customers.
people as (
    select components.component
    from {{ components }}
    left join settled on components.component = settled.component
    where settled.component is null and components.node not like 'anonymous_id:%'
    group by components.component
),

open_nodes as (
    select
        components.node,
        components.component
    from {{ components }}
    inner join people on components.component = people.component
),

-- What the records hold of them. They are few in a refresh, and found once.
held as (
    select
        identifiers.record_id,
        identifiers.node,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.seen_at,
        open_nodes.component
    from {{ identifiers }}
    inner join open_nodes on identifiers.node = open_nodes.node
),

sightings as (
    select
        node,
        identifier_type,
        identifier_value,
        component,
        min(seen_at) as first_seen_at
    from held
    group by node, identifier_type, identifier_value, component
),

members as (
    select
        node,
        identifier_type,
        identifier_value,
        first_seen_at,
        component,
        'cus_' || substring(md5(node) from 1 for 20) as own_name
    from sightings
),

-- The part of a former customer that keeps its id: the one with the identifier it is
-- named after, else the one with its oldest identifier.
former_parts as (
    select
        previous.customer_id,
        members.component,
        row_number() over (
            partition by previous.customer_id
            order by
                max(case when members.own_name = previous.customer_id then 1 else 0 end) desc,
                min(previous.first_seen_at) asc,
                min(previous.node) asc
        ) as part_rank
    from previous
    inner join members on previous.node = members.node
    where previous.identifier_type <> 'anonymous_id'
    group by previous.customer_id, members.component
),

homes as (
    select
        former_parts.customer_id,
        former_parts.component,
        row_number() over (
            partition by former_parts.component
            order by customer_ages.known_since, customer_ages.first_seen_at, former_parts.customer_id
        ) as age_rank
    from former_parts
    inner join customer_ages on former_parts.customer_id = customer_ages.customer_id
    where former_parts.part_rank = 1
),

-- Of several customers that became one the oldest survives.
kept as (
    select
        component,
        customer_id
    from homes
    where age_rank = 1
),

names_in_use as (
    select customer_id from kept
    union all
    select customer_id from settled
),

-- A new customer is named after the identifier it was first known by, so that it is called
-- the same in every warehouse. Anonymous ids do not count: they are older than the person's
-- first real identifier but become the person's only later.
name_candidates as (
    select
        members.component,
        members.own_name,
        members.node,
        taken.customer_id is not null as is_taken,
        row_number() over (
            partition by members.component
            order by
                case when taken.customer_id is null then 0 else 1 end,
                members.first_seen_at,
                members.node
        ) as position
    from members
    left join kept on members.component = kept.component
    left join names_in_use as taken on members.own_name = taken.customer_id
    where kept.component is null and members.identifier_type <> 'anonymous_id'
),

customers as (
    select
        component,
        customer_id
    from kept
    union all
    -- Another customer may still be called after the only identifier of a new one.
    select
        component,
        case
            when is_taken then 'cus_' || substring(md5(node || '|{{ as_of_text() }}') from 1 for 20)
            else own_name
        end as customer_id
    from name_candidates
    where position = 1
),

assigned as (
    select
        members.*,
        customers.customer_id,
        previous.customer_id as previous_customer_id
    from members
    inner join customers on members.component = customers.component
    left join previous on members.node = previous.node
),

-- What became of every pair of a former and a present customer that share an identifier.
moves as (
    select
        assigned.previous_customer_id as from_customer_id,
        assigned.customer_id as to_customer_id,
        assigned.component,
        case
            when kept.customer_id is null and homes.component = assigned.component then 'merged'
            when former.customer_id is null then 'split'
            else 'moved'
        end as change
    from assigned
    left join kept on assigned.previous_customer_id = kept.customer_id
    left join homes on assigned.previous_customer_id = homes.customer_id
    left join kept as former on assigned.customer_id = former.customer_id
    where assigned.previous_customer_id <> assigned.customer_id
    group by
        assigned.previous_customer_id,
        assigned.customer_id,
        assigned.component,
        homes.component,
        kept.customer_id,
        former.customer_id
),

-- The record that ties a former customer's identifier to another one.
bridges as (
    select
        moves.from_customer_id,
        moves.to_customer_id,
        ours.record_id,
        min(own.node) as own_node,
        min(others.node) as other_node,
        row_number() over (
            partition by moves.from_customer_id, moves.to_customer_id
            order by
                max(case when others.previous_customer_id = moves.to_customer_id then 1 else 0 end) desc,
                ours.record_id asc
        ) as position
    from moves
    inner join assigned as own
        on moves.from_customer_id = own.previous_customer_id and moves.component = own.component
    inner join held as ours on own.node = ours.node
    inner join held as theirs on ours.record_id = theirs.record_id
    inner join assigned as others on theirs.node = others.node and moves.component = others.component
    where
        moves.change <> 'split'
        and (others.previous_customer_id is null or others.previous_customer_id <> moves.from_customer_id)
    group by moves.from_customer_id, moves.to_customer_id, ours.record_id
),

seen as (
    select identifiers.node
    from {{ identifiers }}
    inner join previous on identifiers.node = previous.node
    group by identifiers.node
),

-- Why former identifiers of a customer belong to nobody now.
losses as (
    select
        previous.node,
        previous.customer_id,
        case
            when quarantine.node is not null then 'quarantined'
            when seen.node is null then 'record_changed_or_deleted'
            else 'unidentified'
        end as end_reason,
        case
            when quarantine.node is not null then previous.node || ' is quarantined: ' || quarantine.reason
            when seen.node is null then 'no record holds ' || previous.node || ' any more'
            else 'no record ties ' || previous.node || ' to a person any more'
        end as detail
    from previous
    left join assigned on previous.node = assigned.node
    left join quarantine on previous.node = quarantine.node
    left join seen on previous.node = seen.node
    where assigned.node is null
),

first_losses as (
    select
        customer_id,
        min(case when end_reason = 'quarantined' then detail end) as quarantined,
        min(case when end_reason = 'record_changed_or_deleted' then detail end) as gone
    from losses
    group by customer_id
),

explained_moves as (
    select
        moves.from_customer_id,
        moves.to_customer_id,
        moves.change,
        case
            when moves.change = 'split'
                then
                    coalesce(
                        first_losses.quarantined,
                        first_losses.gone,
                        'a record that held identifiers of both parts was changed or deleted'
                    )
            else bridges.record_id || ' holds ' || bridges.own_node || ' and ' || bridges.other_node
        end as detail
    from moves
    left join bridges
        on moves.from_customer_id = bridges.from_customer_id
        and moves.to_customer_id = bridges.to_customer_id
        and bridges.position = 1
    left join first_losses on moves.from_customer_id = first_losses.customer_id
),

wanted as (
    select
        assigned.node,
        assigned.identifier_type,
        assigned.identifier_value,
        assigned.customer_id,
        assigned.first_seen_at,
        case when explained_moves.change is not null then assigned.previous_customer_id end as previous_customer_id,
        coalesce(explained_moves.change, 'identified') as start_reason,
        explained_moves.detail as start_detail
    from assigned
    left join explained_moves
        on assigned.previous_customer_id = explained_moves.from_customer_id
        and assigned.customer_id = explained_moves.to_customer_id
),

judged_stays as (
    select
        stays.*,
        wanted.customer_id as wanted_customer_id,
        wanted.previous_customer_id as wanted_previous_customer_id,
        wanted.start_reason as wanted_start_reason,
        wanted.start_detail as wanted_start_detail,
        wanted.first_seen_at as wanted_first_seen_at,
        losses.end_reason as loss_reason,
        losses.detail as loss_detail,
        min(stays.valid_from) over (partition by stays.node, stays.customer_id) as earliest_valid_from
    from stays
    left join wanted on stays.node = wanted.node
    left join losses on stays.node = losses.node
),

decided_stays as (
    select
        *,
        coalesce(wanted_customer_id = customer_id and valid_from = earliest_valid_from, false) as is_open,
        valid_from = {{ as_of() }} as is_of_this_instant
    from judged_stays
),

rewritten_stays as (
    select
        assignment_id,
        node,
        identifier_type,
        identifier_value,
        customer_id,
        valid_from,
        case when not is_open then {{ as_of() }} end as valid_to,
        case
            when is_open and is_of_this_instant then wanted_first_seen_at else first_seen_at
        end as first_seen_at,
        case
            when is_open and is_of_this_instant then wanted_previous_customer_id else previous_customer_id
        end as previous_customer_id,
        case when is_open and is_of_this_instant then wanted_start_reason else start_reason end as start_reason,
        case when is_open and is_of_this_instant then wanted_start_detail else start_detail end as start_detail,
        case when not is_open then coalesce(wanted_start_reason, loss_reason, 'unidentified') end as end_reason,
        case when not is_open then coalesce(wanted_start_detail, loss_detail) end as end_detail,
        run_id,
        case when not is_open then coalesce(end_run_id, '{{ run_id() }}') end as end_run_id
    from decided_stays
),

changed_stays as (
    select rewritten_stays.*
    from rewritten_stays
    inner join stays on rewritten_stays.assignment_id = stays.assignment_id
    where
        rewritten_stays.valid_to is distinct from stays.valid_to
        or rewritten_stays.first_seen_at is distinct from stays.first_seen_at
        or rewritten_stays.previous_customer_id is distinct from stays.previous_customer_id
        or rewritten_stays.start_reason is distinct from stays.start_reason
        or rewritten_stays.start_detail is distinct from stays.start_detail
        or rewritten_stays.end_reason is distinct from stays.end_reason
        or rewritten_stays.end_detail is distinct from stays.end_detail
),

new_stays as (
    select
        md5(wanted.node || '|' || wanted.customer_id || '|{{ as_of_text() }}') as assignment_id,
        wanted.node,
        wanted.identifier_type,
        wanted.identifier_value,
        wanted.customer_id,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to,
        wanted.first_seen_at,
        wanted.previous_customer_id,
        wanted.start_reason,
        wanted.start_detail,
        cast(null as {{ dbt.type_string() }}) as end_reason,
        cast(null as {{ dbt.type_string() }}) as end_detail,
        '{{ run_id() }}' as run_id,
        cast(null as {{ dbt.type_string() }}) as end_run_id
    from wanted
    left join stays on wanted.node = stays.node and wanted.customer_id = stays.customer_id
    where stays.node is null
),

final as (
    select * from changed_stays
    union all
    select * from new_stays
)

{{ select_contract('final') }}
