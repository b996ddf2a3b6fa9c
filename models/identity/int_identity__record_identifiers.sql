{{ config(
    materialized='incremental',
    unique_key=['record_id', 'source_system', 'node'],
    incremental_strategy='delete+insert',
    on_schema_change='sync_all_columns',
) }}

{%- set threshold = identity_setting('match_threshold') if identity_setting('probabilistic') else none -%}
{%- set batch = next_batch() %}

-- What no record holds any more stays in the table, as not current: whoever integrates the
-- batches learns from it what was lost, however many runs it missed.
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
),

wanted as (
    select
        record_type || ':' || record_key as record_id,
        record_type,
        source_system,
        identifier_type,
        identifier_value,
        identifier_type || ':' || identifier_value as node,
        seen_at
    from identifiers
    where identifier_value is not null
){% if is_incremental() %},

stored as (
    select * from {{ this }}
    where is_current
)

select
    coalesce(wanted.record_id, stored.record_id) as record_id,
    coalesce(wanted.record_type, stored.record_type) as record_type,
    coalesce(wanted.source_system, stored.source_system) as source_system,
    coalesce(wanted.identifier_type, stored.identifier_type) as identifier_type,
    coalesce(wanted.identifier_value, stored.identifier_value) as identifier_value,
    coalesce(wanted.node, stored.node) as node,
    coalesce(wanted.seen_at, stored.seen_at, {{ as_of() }}) as seen_at,
    wanted.record_id is not null as is_current,
    {{ batch }} as batch
from wanted
full outer join stored
    on wanted.record_id = stored.record_id
    and wanted.source_system = stored.source_system
    and wanted.node = stored.node
where wanted.record_id is null or stored.record_id is null or wanted.seen_at <> stored.seen_at
{%- else %}

select
    record_id,
    record_type,
    source_system,
    identifier_type,
    identifier_value,
    node,
    coalesce(seen_at, {{ as_of() }}) as seen_at,
    true as is_current,
    {{ batch }} as batch
from wanted
{%- endif %}
