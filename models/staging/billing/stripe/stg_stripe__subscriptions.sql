{{ config(enabled=is_fed_by('billing', 'subscriptions', 'stripe')) }}

with history as (
    {{ raw_table('stripe', 'subscription_history') }}
),

current_states as (
    {{ raw_table('stripe', 'subscription') }}
),

items as (
    {{ raw_table('stripe', 'subscription_item') }}
),

prices as (
    {{ stripe_prices() }}
),

-- Some loaders keep the versions of a subscription, some its current state, some both.
versions as (
    select
        id,
        customer_id,
        status,
        livemode,
        _fivetran_active,
        _fivetran_start,
        _fivetran_synced,
        created,
        start_date,
        trial_end,
        current_period_end,
        cancel_at,
        cancel_at_period_end,
        canceled_at,
        ended_at
    from history

    union all

    select
        current_states.id,
        current_states.customer_id,
        current_states.status,
        current_states.livemode,
        true as _fivetran_active,
        null as _fivetran_start,
        current_states._fivetran_synced,
        current_states.created,
        current_states.start_date,
        current_states.trial_end,
        current_states.current_period_end,
        current_states.cancel_at,
        current_states.cancel_at_period_end,
        current_states.canceled_at,
        current_states.ended_at
    from current_states
    left join history on current_states.id = history.id
    where history.id is null
),

compared_versions as (
    select
        *,
        lag(status) over (partition by id order by _fivetran_start, _fivetran_synced) as status_before
    from versions
    where coalesce(livemode, true)
),

dated_versions as (
    select
        *,
        max(case when status is distinct from status_before then _fivetran_start end) over (
            partition by id order by _fivetran_start, _fivetran_synced rows unbounded preceding
        ) as status_since
    from compared_versions
),

-- The version that held at the run's instant; before the loader's first sync,
-- the first one it saw.
ranked_versions as (
    select
        *,
        row_number() over (
            partition by id
            order by
                case when _fivetran_start > {{ as_of() }} then 1 else 0 end,
                case when _fivetran_start > {{ as_of() }} then _fivetran_start end,
                _fivetran_start desc nulls last,
                case when coalesce(_fivetran_active, true) then 0 else 1 end,
                _fivetran_synced desc nulls last
        ) as preference
    from dated_versions
),

priced_items as (
    select
        items.subscription_id,
        prices.product_name,
        prices.currency,
        items.quantity,
        {{ stripe_monthly(
            stripe_major_units('prices.unit_amount * coalesce(items.quantity, 1)', 'prices.currency'),
            'prices.billing_interval', 'prices.interval_count'
        ) }} as mrr,
        items.id as item_id
    from items
    left join prices on items.plan_id = prices.price_id
),

-- A subscription of several items is named after the one that costs most.
ranked_items as (
    select
        *,
        sum(mrr) over (partition by subscription_id) as subscription_mrr,
        row_number() over (partition by subscription_id order by coalesce(mrr, 0) desc, item_id asc) as preference
    from priced_items
),

final as (
    select
        -- ids
        ranked_versions.id as subscription_id,
        ranked_versions.customer_id as billing_customer_id,

        -- text
        lower(ranked_items.product_name) as plan,
        ranked_items.product_name as product,
        ranked_items.currency,
        ranked_versions.status,

        -- numbers
        ranked_items.quantity,
        ranked_items.subscription_mrr as mrr,

        -- times
        coalesce(ranked_versions.start_date, ranked_versions.created) as started_at,
        ranked_versions.trial_end as trial_ends_at,
        ranked_versions.status_since,
        case
            when
                ranked_versions.status <> 'canceled'
                and ranked_versions.cancel_at is null
                and not coalesce(ranked_versions.cancel_at_period_end, false)
                then ranked_versions.current_period_end
        end as renews_at,
        ranked_versions.canceled_at as cancelled_at,
        coalesce(
            ranked_versions.ended_at,
            case when ranked_versions.status = 'canceled' then ranked_versions.canceled_at end
        ) as ended_at,
        ranked_versions._fivetran_synced as loaded_at
    from ranked_versions
    left join ranked_items on ranked_versions.id = ranked_items.subscription_id and ranked_items.preference = 1
    where ranked_versions.preference = 1
)

select * from final
