{{ config(enabled=is_fed_by('crm', 'merges', 'hubspot')) }}

with audited as (
    {{ raw_table('hubspot', 'contact_merge_audit') }}
),

contacts as (
    {{ raw_table('hubspot', 'contact') }}
),

companies as (
    {{ raw_table('hubspot', 'company') }}
),

-- The audit knows when; the list that the surviving record keeps does not.
found as (
    select
        'contact' as object,
        vid_to_merge as merged_id,
        coalesce(canonical_vid, contact_id) as surviving_id,
        timestamp as merged_at,
        _fivetran_synced as loaded_at
    from audited

    union all

    select
        'contact' as object,
        parts.part as merged_id,
        contacts.id as surviving_id,
        null as merged_at,
        contacts._fivetran_synced as loaded_at
    from contacts
    {{ each_part('contacts.property_hs_merged_object_ids', ';') }}

    union all

    select
        'account' as object,
        parts.part as merged_id,
        companies.id as surviving_id,
        null as merged_at,
        companies._fivetran_synced as loaded_at
    from companies
    {{ each_part('companies.property_hs_merged_object_ids', ';') }}
),

final as (
    select
        object,
        merged_id,
        surviving_id,
        max(merged_at) as merged_at,
        max(loaded_at) as loaded_at
    from found
    where merged_id <> surviving_id
    group by object, merged_id, surviving_id
)

select * from final
