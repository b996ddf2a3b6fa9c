{%- set threshold = identity_setting('match_threshold') if identity_setting('probabilistic') else none -%}
with contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

contact_merges as (
    select * from {{ ref('int_identity__merges') }}
    where object = 'contact'
),

billing_customers as (
    select * from {{ ref('stg_billing__customers') }}
),

tickets as (
    select * from {{ ref('stg_support__tickets') }}
),

responses as (
    select * from {{ ref('stg_survey__responses') }}
),

country_names as (
    select * from {{ ref('int_country_names') }}
),

-- Nobody is matched by probability unless a person said from which one on.
proposed_edges as (
    select * from {{ ref('proposed_edges') }}
    where {{ '1 = 0' if threshold is none else 'score >= ' ~ threshold }}
),

event_identities as (
    select
        source_system,
        user_id,
        anonymous_id,
        email,
        first_seen_at as seen_at
    from {{ ref('int_events__actors') }}
),

contacts_by_country as (
    select
        contacts.*,
        coalesce(country_names.country, contacts.country) as country_code
    from contacts
    left join country_names on upper(trim(contacts.country)) = country_names.name
),

-- One row per source record: the identifiers that it says belong together.
records as (
    select
        'contact' as record_type,
        contacts_by_country.contact_id as record_key,
        contacts_by_country.source_system,
        contacts_by_country.created_at as seen_at,
        contacts_by_country.contact_id,
        cast(null as {{ dbt.type_string() }}) as billing_customer_id,
        contacts_by_country.user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        {{ normalise_email('contacts_by_country.email') }} as email,
        {{ normalise_phone('contacts_by_country.phone', 'contacts_by_country.country_code') }} as phone
    from contacts_by_country

    union all

    select
        'billing_customer' as record_type,
        billing_customer_id as record_key,
        source_system,
        created_at as seen_at,
        contact_id,
        billing_customer_id,
        user_id,
        null as anonymous_id,
        {{ normalise_email('email') }} as email,
        null as phone
    from billing_customers

    union all

    select
        'event' as record_type,
        coalesce(user_id, '') || ':' || coalesce(anonymous_id, '') || ':' || coalesce(email, '') as record_key,
        source_system,
        seen_at,
        null as contact_id,
        null as billing_customer_id,
        user_id,
        anonymous_id,
        {{ normalise_email('email') }} as email,
        null as phone
    from event_identities

    union all

    select
        'ticket' as record_type,
        ticket_id as record_key,
        source_system,
        created_at as seen_at,
        contact_id,
        null as billing_customer_id,
        user_id,
        null as anonymous_id,
        {{ normalise_email('email') }} as email,
        null as phone
    from tickets

    union all

    select
        'response' as record_type,
        response_id as record_key,
        source_system,
        responded_at as seen_at,
        contact_id,
        null as billing_customer_id,
        null as user_id,
        null as anonymous_id,
        {{ normalise_email('email') }} as email,
        null as phone
    from responses
),

identifiers as (
    {%- for type in ['contact_id', 'billing_customer_id', 'user_id', 'anonymous_id', 'email', 'phone'] %}
    select
        record_type,
        record_key,
        source_system,
        seen_at,
        '{{ type }}' as identifier_type,
        {{ type }} as identifier_value
    from records

    union all
    {% endfor %}
    -- A merge is a record that holds two contact ids.
    {%- for column in ['merged_id', 'surviving_id'] %}
    select
        'merge' as record_type,
        merged_id as record_key,
        '{{ entity_system('crm', 'merges') }}' as source_system,
        merged_at as seen_at,
        'contact_id' as identifier_type,
        {{ column }} as identifier_value
    from contact_merges
    {{ 'union all' if not loop.last }}
    {%- endfor %}

    -- So is a match.
    {%- for column in ['contact_id_a', 'contact_id_b'] %}

    union all

    select
        'match' as record_type,
        proposed_edges.contact_id_a || ' and ' || proposed_edges.contact_id_b as record_key,
        contacts.source_system,
        contacts.created_at as seen_at,
        'contact_id' as identifier_type,
        contacts.contact_id as identifier_value
    from proposed_edges
    inner join contacts on proposed_edges.{{ column }} = contacts.contact_id
    {%- endfor %}
)

select
    record_type || ':' || record_key as record_id,
    record_type,
    source_system,
    identifier_type,
    identifier_value,
    identifier_type || ':' || identifier_value as node,
    coalesce(seen_at, {{ as_of() }}) as seen_at
from identifiers
where identifier_value is not null
