with accounts as (
    select * from {{ ref('dim_accounts') }}
),

people as (
    select * from {{ ref('feat_accounts__people') }}
),

billing as (
    select * from {{ ref('feat_accounts__billing') }}
),

survey as (
    select * from {{ ref('feat_accounts__survey') }}
),

support as (
    select * from {{ ref('feat_accounts__support') }}
),

firmographic as (
    select * from {{ ref('feat_accounts__firmographic') }}
),

joined as (
    select
        accounts.account_id,

        -- whom a score is for
        true as is_anybody,
        coalesce(billing.open_subscription_count, 0) > 0 as has_open_subscription,
        coalesce(billing.mrr, 0) > 0 as is_paying,

        -- what it is made from
        {{ known_if('events', 'cast(people.active_users_last_28 as decimal(18, 6)) / nullif(people.user_count, 0)') }}
            as active_user_share_last_28,
        {{ known_if('events', 'cast(people.active_users_last_28 as decimal(18, 6)) / nullif(billing.seats, 0)') }}
            as active_users_per_seat,
        {{ known_if('events', 'coalesce(people.new_users_last_28, 0)') }} as new_users_last_28,
        people.days_since_last_seen,
        {{ known_if('billing', 'coalesce(billing.failed_payment_count_last_28, 0)') }} as failed_payment_count_last_28,
        billing.mrr_change_last_90,
        {{ known_if('support', 'coalesce(support.open_ticket_count, 0)') }} as open_ticket_count,
        survey.nps as account_nps,
        accounts.employee_count,
        {{ in_profile('industry', 'accounts.industry') }} as is_profile_industry,
        {{ in_profile('world_region', 'firmographic.world_region') }} as is_profile_region
    from accounts
    left join people on accounts.account_id = people.account_id
    left join billing on accounts.account_id = billing.account_id
    left join survey on accounts.account_id = survey.account_id
    left join support on accounts.account_id = support.account_id
    left join firmographic on accounts.account_id = firmographic.account_id
),

digested as (
    select
        *,
        {{ inputs_digest() }} as inputs_digest
    from joined
)

{{ select_contract('digested') }}
