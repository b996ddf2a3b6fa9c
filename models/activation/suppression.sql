-- An address that nobody uses is no reason to fail, so rows without a customer drop out here.
with given as (
    {{ with_customer(ref('stg_crm__suppressions'), by=['email', 'phone']) }}
),

customers as (
    select
        customer_id,
        account_id
    from {{ ref('customer_360') }}
),

-- A list names the id of its day: who became part of somebody else is that one now.
successors as (
    select
        entity,
        from_entity_id,
        to_entity_id
    from {{ ref('int_segments__successors') }}
    where is_gone and position = 1
),

in_force as (
    select
        given.*,
        coalesce(given.channel, 'all') as channels
    from given
    where
        coalesce(given.suppressed_at, {{ as_of() }}) <= {{ as_of() }}
        and coalesce(given.until > {{ as_of() }}, true)
),

addresses as (
    select
        customer_id,
        split_part(identifier_value, '@', 2) as email_domain
    from {{ ref('customer_identifiers') }}
    where identifier_type = 'email'
),

named as (
    select
        in_force.channels,
        in_force.reason,
        in_force.suppressed_at,
        coalesce(successors.to_entity_id, in_force.entity_id) as customer_id
    from in_force
    left join successors on in_force.entity_id = successors.from_entity_id and successors.entity = 'customer'
    where in_force.entity_id is not null
    union all
    select
        in_force.channels,
        in_force.reason,
        in_force.suppressed_at,
        customers.customer_id
    from in_force
    left join successors on in_force.entity_id = successors.from_entity_id and successors.entity = 'account'
    inner join customers on coalesce(successors.to_entity_id, in_force.entity_id) = customers.account_id
    union all
    select
        channels,
        reason,
        suppressed_at,
        customer_id
    from in_force
    where entity_id is null
    union all
    select
        in_force.channels,
        in_force.reason,
        in_force.suppressed_at,
        addresses.customer_id
    from in_force
    inner join addresses on in_force.email_domain = addresses.email_domain
),

-- Whoever is barred from every channel is on no list of colleagues either.
channels as (
    {%- for channel in audience_channels() %}
    select '{{ channel }}' as channel
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ranked as (
    select
        customers.customer_id,
        channels.channel,
        named.reason,
        named.suppressed_at,
        row_number() over (
            partition by customers.customer_id, channels.channel
            order by named.suppressed_at desc nulls last, named.reason asc
        ) as recency
    from named
    inner join customers on named.customer_id = customers.customer_id
    inner join channels on named.channels in (channels.channel, 'all')
)

select
    customer_id,
    channel,
    reason,
    suppressed_at
from ranked
where recency = 1
