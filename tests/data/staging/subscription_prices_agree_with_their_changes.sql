-- What a running subscription costs is what its last change says.
{{ config(severity='warn') }}

with subscriptions as (
    select * from {{ ref('stg_billing__subscriptions') }}
),

changes as (
    select * from {{ ref('stg_billing__subscription_changes') }}
),

ranked_changes as (
    select
        subscription_id,
        mrr,
        row_number() over (partition by subscription_id order by changed_at desc) as recency
    from changes
)

select
    subscriptions.subscription_id,
    subscriptions.mrr,
    ranked_changes.mrr as changed_to
from subscriptions
inner join ranked_changes
    on subscriptions.subscription_id = ranked_changes.subscription_id and ranked_changes.recency = 1
where
    subscriptions.status in ('active', 'past_due')
    and subscriptions.mrr is distinct from ranked_changes.mrr
