with events as (
    select * from {{ ref('stg_events__events') }}
),

-- One reference each: a CTE that is read three times is materialised by PostgreSQL, and
-- then has no statistics to plan with.
users as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'user_id'
),

browsers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'anonymous_id'
),

emails as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'email'
)

-- The explicit user comes first, then the address, then the browser's later owner.
select
    events.event_id,
    events.occurred_at,
    events.received_at,
    events.event_name,
    coalesce(users.customer_id, emails.customer_id, browsers.customer_id) as customer_id,
    events.anonymous_id,
    events.account_id,
    events.device,
    events.os,
    events.browser
from events
left join users on events.user_id = users.identifier_value
left join emails on {{ normalise_email('events.email') }} = emails.identifier_value
left join browsers on events.anonymous_id = browsers.identifier_value
where not coalesce(users.is_test, emails.is_test, browsers.is_test, false)
