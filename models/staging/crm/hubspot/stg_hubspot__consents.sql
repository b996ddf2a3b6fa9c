{{ config(enabled=is_fed_by('crm', 'consents', 'hubspot')) }}

with changes as (
    {{ raw_table('hubspot', 'email_subscription_change') }}
),

renamed as (
    select
        recipient as email,
        'email' as channel,
        case when upper(change) = 'SUBSCRIBED' then 'granted' else 'denied' end as status,
        timestamp as recorded_at,
        _fivetran_synced as loaded_at
    from changes
    -- What a bounce says about an address is not the person's decision.
    where upper(change) in ('SUBSCRIBED', 'UNSUBSCRIBED', 'REPORTED_SPAM')
)

select * from renamed
