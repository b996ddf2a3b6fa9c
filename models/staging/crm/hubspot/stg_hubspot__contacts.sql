{{ config(enabled=is_fed_by('crm', 'contacts', 'hubspot')) }}

with contacts as (
    {{ raw_table('hubspot', 'contact') }}
),

merged_away as (
    select vid_to_merge
    from (
        {{ raw_table('hubspot', 'contact_merge_audit') }}
    ) as audited
    group by vid_to_merge
),

kept as (
    select contacts.*
    from contacts
    left join merged_away on contacts.id = merged_away.vid_to_merge
    where merged_away.vid_to_merge is null and not coalesce(contacts._fivetran_deleted, false)
),

renamed as (
    select
        -- ids
        id as contact_id,
        property_user_id as user_id,
        property_associatedcompanyid as account_id,

        -- text
        property_email as email,
        property_phone as phone,
        property_firstname as first_name,
        property_lastname as last_name,
        property_gender as gender,
        property_marital_status as marital_status,
        property_degree as education,
        property_jobtitle as job_title,
        property_hs_language as language,
        property_hs_timezone as timezone,
        property_country as country,
        property_state as region,
        property_city as city,
        property_zip as postal_code,
        case
            when lower(property_lifecyclestage) = 'marketingqualifiedlead' then 'marketing_qualified'
            when lower(property_lifecyclestage) = 'salesqualifiedlead' then 'sales_qualified'
            when lower(property_lifecyclestage) in ('subscriber', 'lead', 'opportunity', 'customer', 'evangelist')
                then lower(property_lifecyclestage)
            -- A stage of one's own has a number for a name.
            when property_lifecyclestage is not null then 'other'
        end as lifecycle_stage,
        property_hs_analytics_source as lead_source,
        property_hs_persona as persona,

        -- times
        property_date_of_birth as birth_date,
        property_createdate as created_at,
        property_lastmodifieddate as updated_at,
        _fivetran_synced as loaded_at
    from kept
)

select * from renamed
