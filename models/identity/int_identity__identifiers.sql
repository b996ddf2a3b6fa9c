with contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

billing_customers as (
    select * from {{ ref('stg_billing__customers') }}
),

events as (
    select * from {{ ref('stg_events__events') }}
),

tickets as (
    select * from {{ ref('stg_support__tickets') }}
),

responses as (
    select * from {{ ref('stg_survey__responses') }}
),

event_identities as (
    select
        source_system,
        user_id,
        anonymous_id,
        email,
        min(occurred_at) as seen_at
    from events
    where user_id is not null or anonymous_id is not null or email is not null
    group by source_system, user_id, anonymous_id, email
),

-- One row per source record: the identifiers that it says belong together.
records as (
    select
        'contact:' || contact_id as record_id,
        source_system,
        created_at as seen_at,
        contact_id,
        cast(null as {{ dbt.type_string() }}) as billing_customer_id,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        email
    from contacts

    union all

    select
        'billing_customer:' || billing_customer_id as record_id,
        source_system,
        created_at as seen_at,
        contact_id,
        billing_customer_id,
        user_id,
        null as anonymous_id,
        email
    from billing_customers

    union all

    select
        'event:' || coalesce(user_id, '') || ':' || coalesce(anonymous_id, '') || ':' || coalesce(email, '')
            as record_id,
        source_system,
        seen_at,
        null as contact_id,
        null as billing_customer_id,
        user_id,
        anonymous_id,
        email
    from event_identities

    union all

    select
        'ticket:' || ticket_id as record_id,
        source_system,
        created_at as seen_at,
        contact_id,
        null as billing_customer_id,
        null as user_id,
        null as anonymous_id,
        email
    from tickets

    union all

    select
        'response:' || response_id as record_id,
        source_system,
        responded_at as seen_at,
        contact_id,
        null as billing_customer_id,
        null as user_id,
        null as anonymous_id,
        email
    from responses
),

identifiers as (
    {%- set types = ['contact_id', 'billing_customer_id', 'user_id', 'anonymous_id', 'email'] -%}
    {%- for type in types %}
    select
        record_id,
        source_system,
        seen_at,
        '{{ type }}' as identifier_type,
        {%- if type == 'email' %}
        {{ normalise_email('email') }} as identifier_value
        {%- else %}
        {{ type }} as identifier_value
        {%- endif %}
    from records
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    record_id,
    source_system,
    identifier_type,
    identifier_value,
    identifier_type || ':' || identifier_value as node,
    coalesce(seen_at, {{ as_of() }}) as seen_at
from identifiers
where identifier_value is not null
