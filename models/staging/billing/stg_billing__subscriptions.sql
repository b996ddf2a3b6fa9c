{{ config(materialized='table') }}

{#- What a subscription looked like at the run's instant, whatever the source
    knows today: its plan and price are those of its last change until then, if
    there were changes since, and its status follows its dates. -#}

{%- set joined -%}
{%- if source_system('billing') != 'none' -%}
{%- set changes = ref('stg_' ~ entity_system('billing', 'subscription_changes') ~ '__subscription_changes') -%}
left join (
    select
        subscription_id,
        plan,
        quantity,
        mrr,
        row_number() over (partition by subscription_id order by changed_at desc) as recency
    from {{ changes }}
    where changed_at <= {{ as_of() }}
) as held
    on adapted.subscription_id = held.subscription_id and held.recency = 1
left join (
    select subscription_id from {{ changes }} where changed_at > {{ as_of() }} group by subscription_id
) as later on adapted.subscription_id = later.subscription_id
{%- endif -%}
{%- endset -%}

{%- set is_replayed = 'later.subscription_id is not null and held.subscription_id is not null' -%}

{%- set status -%}
case
    when adapted.ended_at <= {{ as_of() }} and adapted.status in ('unpaid', 'incomplete_expired') then adapted.status
    when adapted.ended_at <= {{ as_of() }} then 'canceled'
    when adapted.status in ('past_due', 'unpaid', 'paused', 'incomplete', 'incomplete_expired') then adapted.status
    when adapted.status in ('canceled', 'cancelled')
        and not (coalesce(adapted.ended_at, adapted.cancelled_at) > {{ as_of() }}) then 'canceled'
    when adapted.status in ('canceled', 'cancelled') and coalesce(adapted.ended_at, adapted.cancelled_at) is null
        then 'canceled'
    when adapted.trial_ends_at > {{ as_of() }} then 'trialing'
    when adapted.status in ('canceled', 'cancelled') then 'active'
    else coalesce(adapted.status, 'active')
end
{%- endset -%}

{{ staging_interface(
    'billing', 'subscriptions',
    derived={
        'plan': 'case when ' ~ is_replayed ~ ' then held.plan else adapted.plan end',
        'quantity': 'case when ' ~ is_replayed ~ ' then held.quantity else adapted.quantity end',
        'mrr': "case when (" ~ status ~ ") = 'trialing' then 0 when " ~ is_replayed
            ~ ' then held.mrr else adapted.mrr end',
        'status': status,
    },
    joined=joined
) }}
