{{ config(
    materialized='incremental',
    unique_key='actor_id',
    incremental_strategy='delete+insert',
    pre_hook="{{ forget_events('first_seen_at') }}",
) }}

with events as (
    {{ touched_events(by=['actor_id'], until='last_seen_at') }}
)

select
    actor_id,
    source_system,
    min(user_id) as user_id,
    min(email) as email,
    min(anonymous_id) as anonymous_id,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    max(integrated_batch) as batch
from events
group by actor_id, source_system
