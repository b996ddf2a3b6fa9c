{%- set said_by_accounts = [
    'name', 'industry', 'employee_count', 'annual_revenue', 'country', 'region', 'delivery_model', 'tech_stack',
] -%}
{%- set codes = "('industry', 'delivery_model')" -%}
{%- set lists = "('tech_stack')" -%}

with merged as (
    select * from {{ ref('int_accounts__merged') }}
),

crm_accounts as (
    select
        accounts.*,
        coalesce(merged.surviving_account_id, accounts.account_id) as surviving_account_id
    from {{ ref('stg_crm__accounts') }} as accounts
    left join merged on accounts.account_id = merged.account_id
),

enrichment as (
    select * from {{ ref('stg_crm__enrichment') }}
),

enrichment_providers as (
    select * from {{ ref('enrichment_providers') }}
),

country_names as (
    select * from {{ ref('int_country_names') }}
),

-- The account that is left of a merge speaks before those that went into it.
ranked_accounts as (
    select
        *,
        row_number() over (
            partition by surviving_account_id
            order by
                case when account_id = surviving_account_id then 0 else 1 end asc,
                updated_at desc nulls last,
                account_id asc
        ) as recency
    from crm_accounts
),

domains as (
    select
        surviving_account_id,
        {{ bare_domain('domain') }} as domain
    from crm_accounts
    where domain is not null
    group by surviving_account_id, {{ bare_domain('domain') }}
),

said as (
    {%- for attribute in said_by_accounts %}
    select
        surviving_account_id as account_id,
        '{{ attribute }}' as attribute,
        cast({{ attribute }} as {{ dbt.type_string() }}) as value,
        'crm' as origin,
        2 as origin_rank,
        source_system as provider,
        recency as precedence,
        coalesce(updated_at, created_at) as observed_at
    from ranked_accounts
    where {{ attribute }} is not null

    union all
    {% endfor %}
    select
        domains.surviving_account_id as account_id,
        enrichment.attribute,
        enrichment.value,
        case when lower(enrichment.provider) = 'manual' then 'manual' else 'enrichment' end as origin,
        case when lower(enrichment.provider) = 'manual' then 1 else 3 end as origin_rank,
        enrichment.provider,
        -- A provider without a rank comes after those that have one.
        coalesce(enrichment_providers.rank, 1000000) as precedence,
        enrichment.observed_at
    from enrichment
    inner join domains on {{ bare_domain('enrichment.domain') }} = domains.domain
    left join enrichment_providers on lower(enrichment.provider) = lower(enrichment_providers.provider)
),

-- In one way of writing, so that values of different systems can be compared.
written as (
    select
        said.account_id,
        said.attribute,
        case
            when said.attribute = 'country' then coalesce(country_names.country, upper(trim(said.value)))
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
),

ranked as (
    select
        *,
        row_number() over by_belief as position,
        first_value(origin_rank) over by_belief as best_origin_rank
    from written
    where value <> ''
    window by_belief as (
        partition by account_id, attribute
        order by origin_rank asc, precedence asc, observed_at desc nulls last, value asc
    )
)

select
    account_id,
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
