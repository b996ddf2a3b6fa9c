{{ config(enabled=is_fed_by('crm', 'deals', 'hubspot')) }}

with deals as (
    {{ raw_table('hubspot', 'deal') }}
),

stages as (
    {{ raw_table('hubspot', 'deal_pipeline_stage') }}
),

deal_companies as (
    {{ raw_table('hubspot', 'deal_company') }}
),

deal_contacts as (
    {{ raw_table('hubspot', 'deal_contact') }}
),

-- HubSpot's association type 5 is the deal's primary company.
ranked_companies as (
    select
        deal_id,
        company_id,
        row_number() over (
            partition by deal_id
            order by case when type_id = '5' then 0 else 1 end, company_id
        ) as preference
    from deal_companies
),

first_contacts as (
    select
        deal_id,
        min(contact_id) as contact_id
    from deal_contacts
    group by deal_id
),

-- Stage ids are unique within a pipeline, and a shared account's may repeat.
known_stages as (
    select
        stage_id,
        pipeline_id,
        max(label) as stage,
        bool_or(coalesce(closed_won, false)) as is_closed_won,
        bool_or(coalesce(is_closed, closed_won, false)) as is_closed
    from stages
    group by stage_id, pipeline_id
),

final as (
    select
        -- ids
        deals.deal_id,
        ranked_companies.company_id as account_id,
        first_contacts.contact_id,

        -- text
        coalesce(known_stages.stage, deals.deal_pipeline_stage_id) as stage,

        -- numbers
        deals.property_amount as amount,
        deals.property_deal_currency_code as currency,

        -- booleans and times: an open deal's close date is only a forecast
        case when known_stages.is_closed then known_stages.is_closed_won end as is_won,
        deals.property_createdate as created_at,
        case when known_stages.is_closed then deals.property_closedate end as closed_at,
        deals._fivetran_synced as loaded_at
    from deals
    left join known_stages
        on deals.deal_pipeline_stage_id = known_stages.stage_id
        and coalesce(deals.deal_pipeline_id, known_stages.pipeline_id) = known_stages.pipeline_id
    left join ranked_companies on deals.deal_id = ranked_companies.deal_id and ranked_companies.preference = 1
    left join first_contacts on deals.deal_id = first_contacts.deal_id
    where not coalesce(deals.is_deleted, false)
)

select * from final
