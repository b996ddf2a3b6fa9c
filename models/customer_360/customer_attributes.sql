{#- What a contact says of a person, and what of it is a place, which is taken whole. -#}
{%- set said_by_contacts = [
    'first_name', 'last_name', 'birth_date', 'gender', 'marital_status', 'education', 'income_band', 'job_title',
    'language', 'timezone', 'lifecycle_stage', 'lead_source', 'interests', 'attitudes', 'persona',
] -%}
{%- set places = ['country', 'region', 'city', 'postal_code'] -%}
{%- set codes = "('gender', 'marital_status', 'education', 'income_band', 'lifecycle_stage', 'persona')" -%}
{%- set lists = "('interests', 'attitudes')" -%}

with contacts as (
    {{ with_customer(ref('stg_crm__contacts'), by=['contact_id']) }}
),

billing_customers as (
    {{ with_customer(ref('stg_billing__customers'), by=['billing_customer_id']) }}
),

enrichment as (
    {{ with_customer(ref('stg_crm__enrichment'), by=['email']) }}
),

responses as (
    select * from {{ ref('fct_survey_responses') }}
),

enrichment_providers as (
    select * from {{ ref('enrichment_providers') }}
),

country_names as (
    select * from {{ ref('int_country_names') }}
),

languages as (
    select * from {{ ref('languages') }}
),

time_zones as (
    select * from {{ ref('time_zones') }}
),

-- Several contacts of one person: the one that was edited last speaks first.
edited as (
    select
        *,
        row_number() over (
            partition by customer_id
            order by updated_at desc nulls last, created_at desc nulls last, contact_id asc
        ) as recency
    from contacts
    where customer_id is not null
),

-- The city of one contact and the country of another make no address.
ranked_contacts as (
    select
        *,
        row_number() over (
            partition by customer_id
            order by case when country is null then 1 else 0 end asc, recency asc
        ) as place_recency
    from edited
),

said as (
    {%- for attribute in said_by_contacts + places %}
    select
        customer_id,
        '{{ attribute }}' as attribute,
        cast({{ attribute }} as {{ dbt.type_string() }}) as value,
        'crm' as origin,
        2 as origin_rank,
        source_system as provider,
        recency as precedence,
        coalesce(updated_at, created_at) as observed_at
    from ranked_contacts
    where
        {{ attribute }} is not null
        {%- if attribute in places %}
        and place_recency = 1
        {%- elif attribute == 'birth_date' %}
        and birth_date between date '1900-01-01' and cast({{ as_of() }} as date)
        {%- endif %}

    union all
    {% endfor %}
    select
        customer_id,
        'country' as attribute,
        country as value,
        'billing' as origin,
        3 as origin_rank,
        source_system as provider,
        1 as precedence,
        created_at as observed_at
    from billing_customers

    union all

    select
        customer_id,
        attribute,
        answer as value,
        'survey' as origin,
        4 as origin_rank,
        source_system as provider,
        1 as precedence,
        responded_at as observed_at
    from responses
    where attribute is not null

    union all

    select
        enrichment.customer_id,
        enrichment.attribute,
        enrichment.value,
        case when lower(enrichment.provider) = 'manual' then 'manual' else 'enrichment' end as origin,
        case when lower(enrichment.provider) = 'manual' then 1 else 5 end as origin_rank,
        enrichment.provider,
        -- A provider without a rank comes after those that have one.
        coalesce(enrichment_providers.rank, 1000000) as precedence,
        enrichment.observed_at
    from enrichment
    left join enrichment_providers on lower(enrichment.provider) = lower(enrichment_providers.provider)
),

-- In one way of writing, so that values of different systems can be compared.
written as (
    select
        said.customer_id,
        said.attribute,
        case
            when said.attribute = 'country' then coalesce(country_names.country, upper(trim(said.value)))
            when said.attribute = 'language' then coalesce(by_code.language, by_name.language)
            when said.attribute = 'timezone' then time_zones.time_zone
            when said.attribute in {{ lists }} then {{ comma_list('said.value') }}
            when said.attribute in {{ codes }} then replace(lower(trim(said.value)), ' ', '_')
            else trim(said.value)
        end as value,
        said.origin,
        said.origin_rank,
        said.provider,
        said.precedence,
        said.observed_at
    from said
    left join country_names
        on said.attribute = 'country' and upper(trim(said.value)) = country_names.name
    -- Two joins: an `or` would be looked up row by row.
    left join languages as by_code
        on said.attribute = 'language'
        and split_part(replace(lower(trim(said.value)), '_', '-'), '-', 1) = by_code.language
    left join languages as by_name
        on said.attribute = 'language' and lower(trim(said.value)) = lower(by_name.language_name)
    left join time_zones
        on said.attribute = 'timezone' and lower(trim(said.value)) = lower(time_zones.name)
    where said.customer_id is not null
),

ranked as (
    select
        *,
        row_number() over by_belief as position,
        first_value(origin_rank) over by_belief as best_origin_rank
    from written
    where value <> ''
    window by_belief as (
        partition by customer_id, attribute
        order by origin_rank asc, precedence asc, observed_at desc nulls last, value asc
    )
)

select
    customer_id,
    attribute,
    value,
    origin,
    provider,
    -- Lists add up, unless somebody wrote down by hand what the list is.
    case
        when attribute in {{ lists }} and best_origin_rank > 1 then true
        else position = 1
    end as is_chosen,
    observed_at
from ranked
