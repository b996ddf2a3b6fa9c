{{ config(enabled=is_fed_by('events', 'events', 'segment')) }}

{%- set calls = {
    'tracks': {
        'email': 'context_traits_email', 'account_id': 'context_group_id', 'event_name': 'event',
        'url': 'context_page_path', 'referrer': 'context_page_referrer',
    },
    'pages': {
        'email': 'context_traits_email', 'account_id': 'context_group_id', 'event_name': "'page_viewed'",
        'url': 'coalesce(path, url)', 'referrer': 'referrer',
    },
    'screens': {
        'email': 'context_traits_email', 'account_id': 'context_group_id', 'event_name': "'screen_viewed'",
        'url': 'name',
    },
    'identifies': {
        'email': 'coalesce(email, context_traits_email)', 'account_id': 'context_group_id',
        'event_name': "'identified'",
        'traits': ['name', 'first_name', 'last_name', 'phone', 'title', 'company', 'plan', 'gender', 'birthday'],
    },
    'groups': {
        'email': 'context_traits_email', 'account_id': 'coalesce(group_id, context_group_id)',
        'event_name': "'grouped'",
        'traits': ['name', 'industry', 'employees', 'plan', 'website'],
    },
} -%}

with {% for table in calls -%}
{{ table }} as (
    {{ raw_table('segment', table) }}
),

{% endfor -%}

calls as (
    {%- for table, call in calls.items() %}
    select
        id as event_id,
        user_id,
        anonymous_id,
        {{ call.email }} as email,
        {{ call.account_id }} as account_id,
        {{ call.event_name }} as event_name,
        {{ call.get('url', 'null') }} as url,
        {{ call.get('referrer', 'null') }} as referrer,
        {%- if call.traits is defined %}
        {%- set traits = {} %}
        {%- for trait in call.traits %}{% do traits.update({trait: trait}) %}{% endfor %}
        {{ json_object(traits) }} as properties,
        {%- else %}
        null as properties,
        {%- endif %}
        context_device_type as device,
        context_os_name as os,
        context_browser as browser,
        context_app_name as app,
        timestamp as occurred_at,
        received_at,
        uuid_ts
    from {{ table }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
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
        properties,

        -- times
        coalesce(occurred_at, received_at) as occurred_at,
        received_at,
        coalesce(uuid_ts, received_at) as loaded_at
    from calls
)

select * from final
