{{ config(
    materialized='incremental',
    unique_key='event_key',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    pre_hook='{{ forget_events() }}',
) }}

{%- set since = arrived_since() %}
{#- What tells another event from another delivery. #}
{%- set content = ['event_name', 'occurred_at', 'user_id', 'anonymous_id', 'subscription_id'] %}

-- Whatever the run's instant is, every delivery that was landed is taken in: readers look
-- at those up to the instant. So an instant may go back and forth without touching a row.
with landed as (
    {{ staging_interface('events', 'events') }}
),

stamped as (
    select
        *,
        coalesce(loaded_at, received_at, occurred_at) as stamped_at
    from landed
),

-- Deliveries land within the lookback of the last one; those without any time, whenever.
delivered as (
    select stamped.*
    from stamped
    {% if since -%}
    where stamped.stamped_at > {{ since }} or stamped.stamped_at is null
    {%- endif %}
),

keyed as (
    select
        *,
        coalesce(
            event_id,
            'no id: ' || md5(concat_ws(
                '|',
                coalesce(cast(occurred_at as {{ dbt.type_string() }}), '-'),
                coalesce(cast(stamped_at as {{ dbt.type_string() }}), '-'),
                coalesce(event_name, '-'),
                coalesce(user_id, '-'),
                coalesce(anonymous_id, '-'),
                coalesce(email, '-'),
                coalesce(url, '-')
            ))
        ) as landed_key
    from delivered
),

-- Trackers and loaders deliver at least once: the first delivery counts. The later columns
-- only make the order certain.
numbered as (
    select
        *,
        row_number() over (
            partition by landed_key
            order by
                stamped_at asc nulls last, received_at asc nulls last, occurred_at asc nulls last,
                event_name asc nulls last, user_id asc nulls last, anonymous_id asc nulls last, email asc nulls last
        ) as delivery
    from keyed
),

{% if is_incremental() -%}
-- What the table has of them already, looked up once.
held as (
    select
        {{ content | join(',\n        ') }},
        event_key,
        arrived_at
    from {{ this }}
    where event_key in (select landed_key from numbered)
),

{% endif -%}
firsts as (
    select
        numbered.*,
        numbered.landed_key as taken_key,
        false as is_another
    from numbered
    {% if is_incremental() -%}
    left join held on numbered.landed_key = held.event_key
    where numbered.delivery = 1 and (held.event_key is null or numbered.stamped_at < held.arrived_at)
    {%- else -%}
    where numbered.delivery = 1
    {%- endif %}
),

known as (
    select {{ content | join(', ') }}, taken_key from firsts
    {%- if is_incremental() %}
    union all
    select {{ content | join(', ') }}, event_key as taken_key from held
    where event_key not in (select taken_key from firsts)
    {%- endif %}
),

-- A second delivery of an event is left out without a word; another event under its id is not.
others as (
    select
        numbered.*,
        numbered.landed_key || ' again: ' || md5(concat_ws(
            '|'
            {%- for column in content %},
            coalesce(cast(numbered.{{ column }} as {{ dbt.type_string() }}), '-')
            {%- endfor %}
        )) as taken_key,
        true as is_another
    from numbered
    inner join known on numbered.landed_key = known.taken_key
    where
        {% if not is_incremental() %}numbered.delivery > 1 and {% endif %}(
            {%- for column in content %}
            numbered.{{ column }} is distinct from known.{{ column }}{{ ' or' if not loop.last }}
            {%- endfor %}
        )
),

numbered_others as (
    select
        others.*,
        row_number() over (partition by others.taken_key order by others.delivery) as position
    from others
    {% if is_incremental() -%}
    left join {{ this }} as held on others.taken_key = held.event_key
    where held.event_key is null
    {%- endif %}
),

taken as (
    select
        *,
        1 as position
    from firsts
    union all
    select * from numbered_others
    where position = 1
),

subscriptions as (
    select
        subscription_id,
        started_at,
        ended_at
    from {{ ref('stg_billing__subscriptions') }}
),

named as (
    select
        taken.*,
        concat_ws(
            chr(31),
            '{{ source_system('events') }}',
            coalesce(taken.user_id, ''),
            coalesce(taken.email, ''),
            coalesce(taken.anonymous_id, '')
        ) as named_by,
        coalesce(
            taken.occurred_at < subscriptions.started_at or taken.occurred_at > subscriptions.ended_at, false
        ) as is_outside_subscription
    from taken
    left join subscriptions on taken.subscription_id = subscriptions.subscription_id
),

final as (
    select
        -- ids
        taken_key as event_key,
        event_id,
        case when coalesce(user_id, email, anonymous_id) is not null then md5(named_by) end as actor_id,
        user_id,
        anonymous_id,
        email,
        account_id,
        subscription_id,
        session_id,

        -- text
        event_name,
        url,
        referrer,
        device,
        os,
        browser,
        app,
        country,
        properties,
        source_system,
        nullif(concat_ws(
            '; ',
            case when event_id is null then 'it has no id' end,
            case when occurred_at is null then 'it has no time' end,
            case when event_name is null then 'it has no name' end,
            case when is_another then 'its id is that of an earlier event' end,
            case when is_outside_subscription then 'it lies outside the dates of its subscription' end,
            case
                when occurred_at > coalesce(received_at, loaded_at) + interval '1' hour
                    then 'it lies in the future: more than an hour after it was received'
            end
            {%- if event_setting('max_days_late') is not none -%},
            case
                when received_at > occurred_at + interval '{{ event_setting('max_days_late') }}' day
                    then 'it was received more than {{ event_setting('max_days_late') }} days after it happened'
            end
            {%- endif %}
        ), '') as reject_reason,

        -- numbers
        {{ next_batch() }} as batch,

        -- times
        occurred_at,
        received_at,
        loaded_at,
        stamped_at as arrived_at
    from named
)

{{ select_contract('final') }}
{%- if not is_incremental() %}
-- Refreshes ask for the last days; an engine skips what it stored as older.
order by arrived_at
{%- endif %}
