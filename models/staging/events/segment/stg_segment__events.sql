{{ config(enabled=is_fed_by('events', 'events', 'segment')) }}

with tracks as (
    {{ raw_table('segment', 'tracks') }}
),

pages as (
    {{ raw_table('segment', 'pages') }}
),

identifies as (
    {{ raw_table('segment', 'identifies') }}
),

calls as (
    select
        id as event_id,
        user_id,
        anonymous_id,
        null as email,
        context_group_id as account_id,
        event as event_name,
        context_page_path as url,
        context_page_referrer as referrer,
        context_device_type as device,
        context_os_name as os,
        context_browser as browser,
        context_app_name as app,
        timestamp as occurred_at,
        received_at,
        uuid_ts
    from tracks
    union all
    select
        id as event_id,
        user_id,
        anonymous_id,
        null as email,
        context_group_id as account_id,
        'page_viewed' as event_name,
        coalesce(path, url) as url,
        referrer,
        context_device_type as device,
        context_os_name as os,
        context_browser as browser,
        context_app_name as app,
        timestamp as occurred_at,
        received_at,
        uuid_ts
    from pages
    union all
    select
        id as event_id,
        user_id,
        anonymous_id,
        email,
        context_group_id as account_id,
        'identified' as event_name,
        null as url,
        null as referrer,
        context_device_type as device,
        context_os_name as os,
        context_browser as browser,
        context_app_name as app,
        timestamp as occurred_at,
        received_at,
        uuid_ts
    from identifies
),

final as (
    select
        -- ids
        event_id,
        user_id,
        anonymous_id,
        email,
        account_id,

        -- text
        event_name,
        url,
        referrer,
        device,
        os,
        browser,
        app,

        -- times
        coalesce(occurred_at, received_at) as occurred_at,
        received_at,
        coalesce(uuid_ts, received_at) as loaded_at
    from calls
)

select * from final
