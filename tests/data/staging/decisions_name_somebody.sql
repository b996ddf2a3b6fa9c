-- A consent, an override or a suppression that names nobody has no effect, which its author should know.
{{ config(severity='warn') }}

select
    'consent' as decision,
    channel as about,
    recorded_at as decided_at
from {{ ref('stg_crm__consents') }}
where contact_id is null and email is null
union all
select
    'manual override' as decision,
    segment_id as about,
    until as decided_at
from {{ ref('stg_crm__manual_overrides') }}
where entity_id is null and email is null
union all
select
    'suppression' as decision,
    reason as about,
    suppressed_at as decided_at
from {{ ref('stg_crm__suppressions') }}
where entity_id is null and email is null and phone is null and email_domain is null
