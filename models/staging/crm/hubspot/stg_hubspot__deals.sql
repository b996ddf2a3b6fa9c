{{ config(enabled=is_fed_by('crm', 'deals', 'hubspot')) }}

with deals as (
    {{ raw_table('hubspot', 'deal') }}
),

merged_pairs as (
    select
        merged_deal_id as merged_id,
        deal_id as surviving_id
    from (
        {{ raw_table('hubspot', 'merged_deal') }}
    ) as raw_merges
    where merged_deal_id <> deal_id
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

existing as (
    select
        deals.deal_id as id,
        deals.*
    from deals
    where not coalesce(deals.is_deleted, false)
),

merged_deals as (
    {{ merged_away('merged_pairs', 'existing') }}
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

-- Stage ids are unique within a pipeline.
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

ranked_stages as (
    select
        existing.deal_id,
        known_stages.stage,
        known_stages.is_closed_won,
        known_stages.is_closed,
        -- A deal that does not name its pipeline may find its stage in several.
        row_number() over (partition by existing.deal_id order by known_stages.pipeline_id) as preference
    from existing
    inner join known_stages
        on existing.deal_pipeline_stage_id = known_stages.stage_id
        and coalesce(existing.deal_pipeline_id, known_stages.pipeline_id, '') = coalesce(known_stages.pipeline_id, '')
),

final as (
    select
        -- ids
        existing.deal_id,
        ranked_companies.company_id as account_id,
        first_contacts.contact_id,

        -- text
        coalesce(ranked_stages.stage, existing.deal_pipeline_stage_id) as stage,

        -- numbers
        existing.property_amount as amount,
        existing.property_deal_currency_code as currency,

        -- booleans and times: an open deal's close date is only a forecast
        case when ranked_stages.is_closed then ranked_stages.is_closed_won end as is_won,
        existing.property_createdate as created_at,
        case when ranked_stages.is_closed then existing.property_closedate end as closed_at,
        existing._fivetran_synced as loaded_at
    from existing
    left join merged_deals on existing.deal_id = merged_deals.record_id
    left join ranked_stages on existing.deal_id = ranked_stages.deal_id and ranked_stages.preference = 1
    left join ranked_companies on existing.deal_id = ranked_companies.deal_id and ranked_companies.preference = 1
    left join first_contacts on existing.deal_id = first_contacts.deal_id
    where merged_deals.record_id is null
)

select * from final
