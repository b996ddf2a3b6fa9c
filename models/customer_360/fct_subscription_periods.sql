with subscriptions as (
    select
        *,
        least(loaded_at, {{ as_of() }}) as seen_at,
        coalesce(ended_at, cancelled_at, status_since) as any_end_at
    from {{ ref('fct_subscriptions') }}
),

changes as (
    select * from {{ ref('stg_billing__subscription_changes') }}
),

-- The first state that is known holds from the start; two that are held to be the start are
-- the later one.
dated as (
    select
        subscriptions.subscription_id,
        coalesce(changes.plan, subscriptions.plan) as plan,
        coalesce(changes.quantity, subscriptions.quantity) as quantity,
        coalesce(changes.mrr, 0) as mrr,
        coalesce(changes.mrr_original, 0) as mrr_original,
        case
            when row_number() over (partition by changes.subscription_id order by changes.changed_at) = 1
                then subscriptions.started_at
            else greatest(changes.changed_at, subscriptions.started_at)
        end as valid_from,
        changes.changed_at
    from changes
    inner join subscriptions on changes.subscription_id = subscriptions.subscription_id
),

last_dated as (
    select
        *,
        row_number() over (partition by subscription_id order by changed_at desc) as recency
    from dated
),

-- What a subscription costs now, where no change says so (a price changed since the last
-- invoice, or nothing but the subscription is known): since its loader saw it, at the latest.
undated as (
    select
        subscriptions.subscription_id,
        subscriptions.plan,
        subscriptions.quantity,
        coalesce(subscriptions.last_mrr, 0) as mrr,
        coalesce(subscriptions.last_mrr_original, 0) as mrr_original,
        case
            when last_dated.subscription_id is null then subscriptions.started_at
            else greatest(last_dated.valid_from, coalesce(subscriptions.seen_at, {{ as_of() }}))
        end as valid_from,
        {{ as_of() }} as changed_at
    from subscriptions
    left join last_dated on subscriptions.subscription_id = last_dated.subscription_id and last_dated.recency = 1
    where
        last_dated.subscription_id is null
        or (
            subscriptions.status in ('active', 'past_due')
            and subscriptions.ended_at is null
            and coalesce(subscriptions.last_mrr, 0) <> last_dated.mrr
        )
),

ranked_states as (
    select
        *,
        row_number() over (
            partition by subscription_id, valid_from order by changed_at desc, source desc
        ) as preference
    from (
        select
            *,
            1 as source
        from dated
        union all
        select
            *,
            2 as source
        from undated
    ) as every_state
),

states as (
    select
        subscription_id,
        plan,
        quantity,
        mrr,
        mrr_original,
        valid_from,
        row_number() over (partition by subscription_id order by valid_from) as state_number
    from ranked_states
    where preference = 1
),

last_states as (
    select
        subscription_id,
        max(valid_from) as last_state_at
    from states
    group by subscription_id
),

-- Whoever neither ended nor pays, and does not say since when, has not paid since the last change.
ends as (
    select
        subscriptions.*,
        case
            when subscriptions.status in ('canceled', 'incomplete_expired')
                then coalesce(subscriptions.any_end_at, last_states.last_state_at)
            else subscriptions.ended_at
        end as ends_at,
        case
            when subscriptions.status in ('incomplete', 'incomplete_expired') then subscriptions.started_at
            when subscriptions.status in ('unpaid', 'paused')
                then coalesce(subscriptions.status_since, subscriptions.ended_at, last_states.last_state_at)
        end as stopped_paying_at,
        case
            when subscriptions.status = 'trialing' and subscriptions.trial_ends_at is null
                then {{ as_of() }} + interval '1' day
            else subscriptions.trial_ends_at
        end as trial_until
    from subscriptions
    inner join last_states on subscriptions.subscription_id = last_states.subscription_id
),

boundaries as (
    select
        subscription_id,
        valid_from,
        max(is_state) as is_state
    from (
        select
            subscription_id,
            valid_from,
            1 as is_state
        from states
        union all
        select
            subscription_id,
            trial_until as valid_from,
            0 as is_state
        from ends
        where trial_until > started_at and trial_until <= {{ as_of() }}
        union all
        select
            subscription_id,
            stopped_paying_at as valid_from,
            0 as is_state
        from ends
        where stopped_paying_at > started_at
    ) as every_boundary
    group by subscription_id, valid_from
),

numbered as (
    select
        subscription_id,
        valid_from,
        lead(valid_from) over (partition by subscription_id order by valid_from) as next_from,
        sum(is_state) over (partition by subscription_id order by valid_from rows unbounded preceding) as state_number
    from boundaries
),

periods as (
    select
        ends.subscription_id,
        ends.customer_id,
        ends.account_id,
        states.plan,
        states.quantity,
        case
            when numbered.valid_from < ends.trial_until then 'trial'
            when numbered.valid_from >= ends.stopped_paying_at then 'not_paying'
            else 'paying'
        end as state,
        states.mrr,
        states.mrr_original,
        ends.currency,
        numbered.valid_from,
        case
            when numbered.next_from is null or ends.ends_at < numbered.next_from then ends.ends_at
            else numbered.next_from
        end as valid_to
    from numbered
    inner join ends on numbered.subscription_id = ends.subscription_id
    inner join states
        on numbered.subscription_id = states.subscription_id and numbered.state_number = states.state_number
)

select
    subscription_id,
    customer_id,
    account_id,
    plan,
    state,
    currency,
    quantity,
    cast(case when state = 'paying' then mrr else 0 end as decimal(18, 2)) as mrr,
    cast(case when state = 'paying' then mrr_original else 0 end as decimal(18, 2)) as mrr_original,
    valid_from,
    valid_to
from periods
where valid_to is null or valid_from < valid_to
