{{ config(
    materialized='incremental',
    unique_key=['actor_id', 'activity_on'],
    incremental_strategy='delete+insert',
    pre_hook="{{ forget_events('first_at') }}",
) }}

with events as (
    {{ touched_events(by=['actor_id', 'activity_on'], until='last_at') }}
)

select
    actor_id,
    source_system,
    activity_on,
    event_name,
    account_id,
    app,
    device,
    os,
    browser,
    count(*) as event_count,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    max(integrated_batch) as batch
from events
group by actor_id, source_system, activity_on, event_name, account_id, app, device, os, browser
