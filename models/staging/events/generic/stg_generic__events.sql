{{ config(enabled=is_fed_by('events', 'events', 'generic')) }}

with events as (
    {{ raw_table('generic', 'events') }}
),

final as (
    select
        event_id,
        user_id,
        anonymous_id,
        email,
        account_id,
        subscription_id,
        session_id,
        event_name,
        url,
        referrer,
        device,
        os,
        browser,
        app,
        country,
        properties,
        occurred_at,
        received_at,
        loaded_at
    from events
)

select * from final
