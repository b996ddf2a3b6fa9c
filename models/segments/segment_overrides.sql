with overrides as (
    select * from {{ ref('stg_crm__manual_overrides') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
),

customers as (
    select
        customer_id,
        account_id
    from {{ ref('customer_360') }}
),

accounts as (
    select account_id from {{ ref('account_360') }}
),

-- Somebody who became part of somebody else is that one now.
successors as (
    select
        entity,
        from_entity_id,
        to_entity_id
    from {{ ref('int_segments__successors') }}
    where is_gone and position = 1
),

named as (
    select
        overrides.*,
        registry.entity,
        registry.segment_id is not null as is_segment_known,
        coalesce(successors.to_entity_id, overrides.entity_id) as named_id,
        people.customer_id as named_customer_id
    from overrides
    left join registry on overrides.segment_id = registry.segment_id
    left join successors on overrides.entity_id = successors.from_entity_id and registry.entity = successors.entity
    left join {{ ref('customer_identifiers') }} as people
        on people.identifier_type = 'email'
        and people.identifier_value = {{ normalise_email('overrides.email') }}
),

-- An e-mail address names a customer, and to a segment of accounts that customer's account.
resolved as (
    select
        named.*,
        case
            when named.entity_id is not null then coalesce(customers.customer_id, accounts.account_id)
            when named.entity = 'account' then owners.account_id
            else owners.customer_id
        end as resolved_id
    from named
    left join customers on named.named_id = customers.customer_id and named.entity = 'customer'
    left join accounts on named.named_id = accounts.account_id and named.entity = 'account'
    left join customers as owners on named.named_customer_id = owners.customer_id
),

judged as (
    select
        *,
        case
            when not is_segment_known then 'there is no segment ' || segment_id
            when entity_id is null and email is null then 'it names nobody'
            when resolved_id is null and entity_id is not null then 'there is no ' || entity || ' ' || entity_id
            when resolved_id is null then 'no ' || entity || ' has the e-mail address ' || email
            when action not in ('include', 'exclude')
                then 'its action is ' || action || '; accepted: include, exclude'
            when action is null then 'it has no action; accepted: include, exclude'
        end as problem,
        until is null or until >= {{ as_of() }} as is_in_force
    from resolved
),

-- Of several decisions about one entity that are in force, a refusal counts, then the longest.
ranked as (
    select
        *,
        row_number() over (
            partition by segment_id, resolved_id, case when problem is null and is_in_force then 1 else 0 end
            order by action asc, until desc nulls first, {{ adapter.quote('by') }} asc, reason asc
        ) as position
    from judged
),

final as (
    select
        segment_id,
        entity,
        resolved_id as entity_id,
        action,
        entity_id as given_entity_id,
        email as given_email,
        {{ adapter.quote('by') }} as decided_by,
        reason,
        problem,
        problem is null and is_in_force and position = 1 as is_applied,
        until
    from ranked
)

{{ select_contract('final') }}
