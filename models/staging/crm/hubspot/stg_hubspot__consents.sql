{{ config(enabled=is_fed_by('crm', 'consents', 'hubspot')) }}

with subscription_changes as (
    {{ raw_table('hubspot', 'email_subscription_change') }}
),

status_changes as (
    {{ raw_table('hubspot', 'email_event_status_change') }}
),

email_events as (
    {{ raw_table('hubspot', 'email_event') }}
),

contacts as (
    {{ raw_table('hubspot', 'contact') }}
),

property_changes as (
    {{ raw_table('hubspot', 'contact_property_history') }}
),

opt_outs as (
    select
        contact_id,
        max(timestamp) as opted_out_at
    from property_changes
    where name = 'hs_email_optout' and lower(value) = 'true'
    group by contact_id
),

decisions as (
    -- What a bounce says about an address is not the person's decision.
    select
        cast(null as {{ dbt.type_string() }}) as contact_id,
        recipient as email,
        upper(change) as decision,
        timestamp as recorded_at,
        _fivetran_synced as loaded_at
    from subscription_changes
    where upper(change) in ('SUBSCRIBED', 'UNSUBSCRIBED', 'REPORTED_SPAM')

    union all

    -- Who changed the status, and when, is in the event of the same id.
    select
        null as contact_id,
        email_events.recipient as email,
        upper(status_changes.portal_subscription_status) as decision,
        email_events.created as recorded_at,
        status_changes._fivetran_synced as loaded_at
    from status_changes
    inner join email_events on status_changes.id = email_events.id
    where
        upper(status_changes.portal_subscription_status) in ('SUBSCRIBED', 'UNSUBSCRIBED')
        and not coalesce(status_changes.bounced, false)
        and email_events.recipient is not null
        and email_events.created is not null

    union all

    -- A contact that opted out of all e-mail. Without its history nobody knows since when: it
    -- counts as of the contact's last change, so that no earlier subscription outweighs it.
    select
        contacts.id as contact_id,
        contacts.property_email as email,
        'UNSUBSCRIBED' as decision,
        coalesce(
            opt_outs.opted_out_at,
            least(
                coalesce(contacts.property_lastmodifieddate, contacts._fivetran_synced, {{ as_of() }}), {{ as_of() }}
            )
        ) as recorded_at,
        contacts._fivetran_synced as loaded_at
    from contacts
    left join opt_outs on contacts.id = opt_outs.contact_id
    where
        contacts.property_hs_email_optout
        and not coalesce(contacts._fivetran_deleted, false)
        and (contacts.property_createdate <= {{ as_of() }} or contacts.property_createdate is null)
),

final as (
    select
        contact_id,
        email,
        'email' as channel,
        case when decision = 'SUBSCRIBED' then 'granted' else 'denied' end as status,
        recorded_at,
        loaded_at
    from decisions
)

select * from final
