-- A view: the arrivals below it are deduplicated, analysed and kept up to date.
with arrivals as (
    select * from {{ ref('stg_events__arrivals') }}
)

select
    event_id,
    occurred_at,
    received_at,
    event_name,
    user_id,
    anonymous_id,
    email,
    account_id,
    session_id,
    url,
    referrer,
    device,
    os,
    browser,
    app,
    country,
    properties,
    source_system,
    loaded_at
from arrivals
where reject_reason is null and occurred_at <= {{ as_of() }}
