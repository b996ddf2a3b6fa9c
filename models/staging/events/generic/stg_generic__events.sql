{{ config(enabled=is_fed_by('events', 'events', 'generic')) }}

with events as (
    {{ raw_table('generic', 'events') }}
),

-- Trackers deliver at least once: the first delivery counts.
numbered as (
    select
        *,
        row_number() over (partition by event_id order by received_at, occurred_at) as delivery
    from events
),

final as (
    select
        event_id,
        user_id,
        anonymous_id,
        email,
        account_id,
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
    from numbered
    where delivery = 1 and not {{ outside_its_subscription('numbered') }}
)

select * from final
