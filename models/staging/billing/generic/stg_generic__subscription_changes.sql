{{ config(enabled=is_fed_by('billing', 'subscription_changes', 'generic')) }}

with changes as (
    {{ raw_table('generic', 'subscription_changes') }}
),

subscriptions as (
    {{ raw_table('generic', 'subscriptions') }}
),

-- A subscription keeps its currency for life, so its changes do not repeat it.
currencies as (
    select
        subscription_id,
        max(currency) as currency
    from subscriptions
    group by subscription_id
),

final as (
    select
        changes.subscription_id,
        changes.plan,
        changes.quantity,
        changes.mrr,
        coalesce(changes.currency, currencies.currency) as currency,
        changes.changed_at,
        changes.loaded_at
    from changes
    left join currencies on changes.subscription_id = currencies.subscription_id
)

select * from final
