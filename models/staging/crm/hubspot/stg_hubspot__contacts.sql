{{ config(enabled=is_fed_by('crm', 'contacts', 'hubspot')) }}

with contacts as (
    {{ raw_table('hubspot', 'contact') }}
),

merged_pairs as (
    select
        merged_id,
        surviving_id
    from {{ ref('stg_hubspot__merges') }}
    where object = 'contact' and (merged_at <= {{ as_of() }} or merged_at is null)
),

existing as (
    select * from contacts
    where not coalesce(_fivetran_deleted, false)
),

merged_contacts as (
    {{ merged_away('merged_pairs', 'existing') }}
),

associations as (
    {{ raw_table('hubspot', 'contact_company') }}
),

-- HubSpot's association type 1 is the contact's primary company.
ranked_companies as (
    select
        contact_id,
        company_id,
        row_number() over (
            partition by contact_id
            order by case when type_id = '1' then 0 else 1 end, company_id
        ) as preference
    from associations
),

kept as (
    select
        existing.*,
        ranked_companies.company_id as associated_company_id
    from existing
    left join merged_contacts on existing.id = merged_contacts.record_id
    left join ranked_companies on existing.id = ranked_companies.contact_id and ranked_companies.preference = 1
    where merged_contacts.record_id is null
),

renamed as (
    select
        -- ids
        id as contact_id,
        property_user_id as user_id,
        coalesce(property_associatedcompanyid, associated_company_id) as account_id,

        -- text
        property_email as email,
        coalesce(property_phone, property_mobilephone) as phone,
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
