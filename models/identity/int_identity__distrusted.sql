{%- set limits = identity_setting('max_holders') -%}
with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

shared_identifiers as (
    select * from {{ ref('shared_identifiers') }}
),

-- What one record holds joins nobody. The tables are named here, because an engine keeps a
-- copy of all columns of a CTE that is read several times.
in_several_records as (
    select node
    from {{ ref('int_identity__identifiers') }}
    where identifier_type in ('anonymous_id', 'email', 'phone')
    group by node
    having min(record_id) <> max(record_id)
),

held as (
    select
        identifiers.record_id,
        identifiers.node,
        identifiers.identifier_type,
        identifiers.identifier_value
    from {{ ref('int_identity__identifiers') }} as identifiers
    inner join in_several_records on identifiers.node = in_several_records.node
),

-- How many different ids of each type the records name beside an identifier.
holders as (
    select
        held.node,
        min(held.identifier_type) as identifier_type,
        min(held.identifier_value) as identifier_value,
        others.identifier_type as held_by,
        count(distinct others.node) as holder_count
    from held
    inner join {{ ref('int_identity__identifiers') }} as others
        on held.record_id = others.record_id and held.node <> others.node
    group by held.node, others.identifier_type
),

judged as (
    select
        identifiers.node,
        identifiers.identifier_type,
        identifiers.identifier_value,
        'it is on the list of shared identifiers: ' || shared_identifiers.reason as reason
    from identifiers
    inner join shared_identifiers
        on identifiers.identifier_type = shared_identifiers.identifier_type
        and lower(identifiers.identifier_value) like shared_identifiers.pattern

    union all

    -- A browser that several people signed in from says nothing about who they are.
    select
        node,
        identifier_type,
        identifier_value,
        'one anonymous id was used by ' || holder_count || ' users' as reason
    from holders
    where identifier_type = 'anonymous_id' and held_by = 'user_id' and holder_count > 1

    union all

    select
        holders.node,
        holders.identifier_type,
        holders.identifier_value,
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
        identifier_type,
        identifier_value,
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
        identifier_type,
        identifier_value,
        'it is held by ' || holder_count || ' different {{ type }}s, more than {{ limit }}' as reason
    from holders
    where identifier_type in ('email', 'phone') and held_by = '{{ type }}' and holder_count > {{ limit }}
    {%- endfor %}
)

select
    node,
    identifier_type,
    identifier_value,
    min(reason) as reason
from judged
group by node, identifier_type, identifier_value
