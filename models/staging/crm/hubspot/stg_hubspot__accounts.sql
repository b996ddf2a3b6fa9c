{{ config(enabled=is_fed_by('crm', 'accounts', 'hubspot')) }}

with companies as (
    {{ raw_table('hubspot', 'company') }}
),

merged_pairs as (
    select
        merged_id,
        surviving_id
    from {{ ref('stg_hubspot__merges') }}
    where object = 'account'
),

existing as (
    select * from companies
    where not coalesce(is_deleted, false)
),

merged_companies as (
    {{ merged_away('merged_pairs', 'existing') }}
),

kept as (
    select existing.*
    from existing
    left join merged_companies on existing.id = merged_companies.record_id
    where merged_companies.record_id is null
),

renamed as (
    select
        -- ids
        id as account_id,

        -- text
        property_name as name,
        property_domain as domain,
        property_industry as industry,
        property_country as country,
        property_state as region,

        -- numbers
        property_numberofemployees as employee_count,
        property_annualrevenue as annual_revenue,

        -- times
        property_createdate as created_at,
        property_hs_lastmodifieddate as updated_at,
        _fivetran_synced as loaded_at
    from kept
)

select * from renamed
