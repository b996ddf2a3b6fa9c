-- A domain that is switched off leaves its features unknown, which is not the same as none.
with customers as (
    select * from {{ ref('dim_customers') }}
),

activity as (
    select * from {{ ref('feat_customers__activity') }}
),

feature_use as (
    select * from {{ ref('feat_customers__feature_use') }}
),

onboarding as (
    select * from {{ ref('feat_customers__onboarding') }}
),

billing as (
    select * from {{ ref('feat_customers__billing') }}
),

survey as (
    select * from {{ ref('feat_customers__survey') }}
),

support as (
    select * from {{ ref('feat_customers__support') }}
),

geographic as (
    select * from {{ ref('feat_customers__geographic') }}
),

demographic as (
    select * from {{ ref('feat_customers__demographic') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

joined as (
    select
        customers.customer_id,

        -- whom a score is for
        true as is_anybody,
        activity.signed_up_at is not null as has_signed_up,
        coalesce(billing.has_open_subscription, false) as has_open_subscription,
        coalesce(billing.mrr, 0) > 0 as is_paying,

        -- what it is made from
        {{ known_if('events', 'coalesce(activity.active_days_last_28, 0)') }} as active_days_last_28,
        {{ known_if('events', 'coalesce(feature_use.feature_count_last_28, 0)') }} as feature_count_last_28,
        {{ known_if('events', 'coalesce(feature_use.key_feature_count_adopted, 0)') }} as key_feature_count_adopted,
        {{ known_if('events', 'coalesce(activity.failed_task_count_last_7, 0)') }} as failed_task_count_last_7,
        activity.days_since_last_seen,
        activity.activity_trend,
        activity.hours_to_first_value,
        onboarding.onboarding_progress,
        {{ known_if('billing', 'coalesce(billing.failed_payment_count_last_28, 0)') }} as failed_payment_count_last_28,
        billing.mrr_change_last_90,
        {{ known_if('support', 'coalesce(support.open_ticket_count, 0)') }} as open_ticket_count,
        survey.nps_score,
        accounts.employee_count as account_employee_count,
        {{ in_profile('industry', 'accounts.industry') }} as is_profile_industry,
        {{ in_profile('world_region', 'geographic.world_region') }} as is_profile_region,
        {{ in_profile('job_level', 'demographic.job_level') }} as is_profile_job_level
    from customers
    left join activity on customers.customer_id = activity.customer_id
    left join feature_use on customers.customer_id = feature_use.customer_id
    left join onboarding on customers.customer_id = onboarding.customer_id
    left join billing on customers.customer_id = billing.customer_id
    left join survey on customers.customer_id = survey.customer_id
    left join support on customers.customer_id = support.customer_id
    left join geographic on customers.customer_id = geographic.customer_id
    left join demographic on customers.customer_id = demographic.customer_id
    left join accounts on customers.account_id = accounts.account_id
),

digested as (
    select
        *,
        {{ inputs_digest() }} as inputs_digest
    from joined
)

{{ select_contract('digested') }}
