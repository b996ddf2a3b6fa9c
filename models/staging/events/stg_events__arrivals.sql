{{ config(
    materialized='incremental',
    unique_key='event_key',
    incremental_strategy='delete+insert',
    pre_hook='{{ forget_events() }}',
) }}

{%- set since = arrived_since() %}

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

firsts as (
    select
        numbered.*,
        concat_ws(
            chr(31),
            '{{ source_system('events') }}',
            coalesce(numbered.user_id, ''),
            coalesce(numbered.email, ''),
            coalesce(numbered.anonymous_id, '')
        ) as named_by
    from numbered
    {% if is_incremental() -%}
    left join {{ this }} as held on numbered.landed_key = held.event_key
    where numbered.delivery = 1 and (held.event_key is null or numbered.stamped_at < held.arrived_at)
    {%- else -%}
    where numbered.delivery = 1
    {%- endif %}
),

final as (
    select
        -- ids
        landed_key as event_key,
        event_id,
        case when coalesce(user_id, email, anonymous_id) is not null then md5(named_by) end as actor_id,
        user_id,
        anonymous_id,
        email,
        account_id,
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
    from firsts
)

{{ select_contract('final') }}
