{{ config(
    materialized='incremental',
    unique_key='node',
    incremental_strategy='delete+insert',
    on_schema_change='sync_all_columns',
) }}

{%- set limits = identity_setting('max_holders') %}
{%- set made_from = made_from(['identity']) %}

-- An identifier is looked at again when a record that holds it, or held it, changed in any
-- way. One that no record holds any more stays in the table, as not current.
with shared_identifiers as (
    select * from {{ ref('shared_identifiers') }}
),

batches as (
    select
        coalesce(min(batch), 0) as first_batch,
        coalesce(max(batch), 0) as last_batch
    from {{ ref('int_identity__record_identifiers') }}
),
{% if is_incremental() %}
stored as (
    select * from {{ this }}
),

-- Whether all of it is computed anew: by another rule, or because the records were.
known as (
    select
        batches.first_batch,
        batches.last_batch,
        integrated.batch,
        coalesce(integrated.is_outdated = 1 or batches.first_batch > integrated.batch, false) as is_outdated
    from batches
    cross join (
        select
            coalesce(max(batch), 0) as batch,
            max(case when made_from <> '{{ made_from }}' then 1 else 0 end) as is_outdated
        from {{ this }}
    ) as integrated
),

changed_records as (
    select records.record_id
    from {{ ref('int_identity__record_identifiers') }} as records
    cross join known
    where records.batch > known.batch or known.is_outdated
    group by records.record_id
),

touched as (
    select records.node
    from {{ ref('int_identity__record_identifiers') }} as records
    inner join changed_records on records.record_id = changed_records.record_id
    group by records.node
),
{% endif %}
nodes as (
    select
        identifiers.node,
        identifiers.identifier_type,
        identifiers.identifier_value,
        min(identifiers.seen_at) as first_seen_at,
        min(identifiers.record_id) <> max(identifiers.record_id) as is_in_several
    from {{ ref('int_identity__identifiers') }} as identifiers
    {% if is_incremental() -%}
    inner join touched on identifiers.node = touched.node
    {% endif -%}
    group by identifiers.node, identifiers.identifier_type, identifiers.identifier_value
),

-- What one record holds joins nobody. The table is named here, because an engine keeps a
-- copy of all columns of a CTE that is read several times. Grouped, so that an engine finds
-- these records before it joins them with what else they hold.
held as (
    select
        identifiers.record_id,
        identifiers.node,
        nodes.identifier_type
    from {{ ref('int_identity__identifiers') }} as identifiers
    inner join nodes on identifiers.node = nodes.node
    where nodes.is_in_several and nodes.identifier_type in ('anonymous_id', 'email', 'phone')
    group by identifiers.record_id, identifiers.node, nodes.identifier_type
),

-- How many different ids of each type the records name beside an identifier.
holders as (
    select
        held.node,
        held.identifier_type,
        others.identifier_type as held_by,
        count(distinct others.node) as holder_count
    from held
    inner join {{ ref('int_identity__identifiers') }} as others
        on held.record_id = others.record_id and held.node <> others.node
    group by held.node, held.identifier_type, others.identifier_type
),

judged as (
    select
        nodes.node,
        'it is on the list of shared identifiers: ' || shared_identifiers.reason as reason
    from nodes
    inner join shared_identifiers
        on nodes.identifier_type = shared_identifiers.identifier_type
        and lower(nodes.identifier_value) like shared_identifiers.pattern

    union all

    -- A browser that several people signed in from says nothing about who they are.
    select
        node,
        'one anonymous id was used by ' || holder_count || ' users' as reason
    from holders
    where identifier_type = 'anonymous_id' and held_by = 'user_id' and holder_count > 1

    union all

    select
        holders.node,
        'one anonymous id was used with ' || holders.holder_count || ' e-mail addresses and no user' as reason
    from holders
    left join holders as users on holders.node = users.node and users.held_by = 'user_id'
    where
        holders.identifier_type = 'anonymous_id'
        and holders.held_by = 'email'
        and holders.holder_count > 1
        and users.node is null

    union all

    -- A family or a switchboard: one number, several addresses.
    select
        node,
        'one phone number belongs to ' || holder_count || ' e-mail addresses, more than '
        || '{{ identity_setting('max_emails_per_phone') }}' as reason
    from holders
    where
        identifier_type = 'phone'
        and held_by = 'email'
        and holder_count > {{ identity_setting('max_emails_per_phone') }}
    {%- for type, limit in limits.items() %}

    union all

    select
        node,
        'it is held by ' || holder_count || ' different {{ type }}s, more than {{ limit }}' as reason
    from holders
    where identifier_type in ('email', 'phone') and held_by = '{{ type }}' and holder_count > {{ limit }}
    {%- endfor %}
),

reasons as (
    select
        node,
        min(reason) as reason
    from judged
    group by node
)

select
    nodes.node,
    nodes.identifier_type,
    nodes.identifier_value,
    nodes.first_seen_at,
    reasons.reason,
    true as is_current,
    '{{ made_from }}' as made_from,
    batches.last_batch as batch
from nodes
cross join batches
left join reasons on nodes.node = reasons.node
{%- if is_incremental() %}

union all

select
    stored.node,
    stored.identifier_type,
    stored.identifier_value,
    stored.first_seen_at,
    null as reason,
    false as is_current,
    '{{ made_from }}' as made_from,
    known.last_batch as batch
from stored
cross join known
left join touched on stored.node = touched.node
left join nodes on stored.node = nodes.node
where nodes.node is null and stored.is_current and (touched.node is not null or known.is_outdated)
{%- endif %}
