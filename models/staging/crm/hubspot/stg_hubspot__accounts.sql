{{ config(enabled=is_fed_by('crm', 'accounts', 'hubspot')) }}

with companies as (
    {{ raw_table('hubspot', 'company') }}
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
    from companies
    where not coalesce(is_deleted, false)
)

select * from renamed
