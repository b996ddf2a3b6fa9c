with customers as (
    select * from {{ ref('dim_customers') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

billing as (
    select * from {{ ref('feat_customers__billing') }}
),

rfm as (
    select * from {{ ref('feat_customers__rfm') }}
),

activity as (
    select * from {{ ref('feat_customers__activity') }}
),

feature_use as (
    select * from {{ ref('feat_customers__feature_use') }}
),

technology as (
    select * from {{ ref('feat_customers__technology') }}
),

support as (
    select * from {{ ref('feat_customers__support') }}
),

survey as (
    select * from {{ ref('feat_customers__survey') }}
),

needs as (
    select * from {{ ref('feat_customers__needs') }}
),

health as (
    select * from {{ ref('feat_customers__health') }}
),

joined as (
    select
        -- ids
        customers.customer_id,
        customers.primary_email,
        customers.account_id,

        -- who they are
        customers.first_name,
        customers.last_name,
        customers.country,
        customers.region,
        customers.world_region,
        customers.city,
        customers.language,
        customers.timezone,
        customers.gender,
        customers.born_on,
        customers.job_title,
        customers.persona,
        customers.lead_source,
        customers.lifecycle_stage,
        accounts.industry as account_industry,
        accounts.employee_count as account_employee_count,

        -- what they are worth
        billing.plan,
        coalesce(billing.mrr, 0) as mrr,
        coalesce(billing.mrr, 0) * 12 as arr,
        coalesce(billing.lifetime_revenue, 0) as lifetime_revenue,
        coalesce(billing.purchase_count, 0) as purchase_count,
        coalesce(billing.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
        coalesce(billing.has_open_subscription, false) as has_open_subscription,
        coalesce(billing.is_trialing, false) as is_trialing,
        billing.trial_ends_at,
        billing.first_purchase_at,
        billing.last_purchase_at,
        billing.last_subscription_ended_at,
        rfm.rfm_recency_days,
        rfm.rfm_frequency,
        rfm.rfm_monetary,
        rfm.recency_score,
        rfm.frequency_score,
        rfm.monetary_score,
        rfm.rfm_cell,

        -- what they do
        activity.signed_up_at,
        activity.first_seen_at,
        activity.last_seen_at,
        coalesce(activity.active_days_last_7, 0) as active_days_last_7,
        coalesce(activity.active_days_last_28, 0) as active_days_last_28,
        coalesce(activity.event_count_last_28, 0) as event_count_last_28,
        coalesce(activity.failed_task_count_last_7, 0) as failed_task_count_last_7,
        coalesce(activity.session_count, 0) as session_count,
        feature_use.top_feature_last_28,
        technology.primary_device_last_28,
        technology.primary_os_last_28,
        technology.primary_browser_last_28,

        -- what they need
        needs.job_to_be_done,
        needs.benefit_sought,
        needs.exit_reason,
        survey.nps_score,
        case
            when survey.nps_score >= 9 then 'promoter'
            when survey.nps_score >= 7 then 'passive'
            when survey.nps_score is not null then 'detractor'
        end as nps_class,
        survey.nps_responded_at,
        survey.csat_last,
        survey.csat_responded_at,
        coalesce(support.open_ticket_count, 0) as open_ticket_count,
        coalesce(support.ticket_count_last_90, 0) as ticket_count_last_90,
        support.last_ticket_at,

        -- how they are
        health.health_score,
        customers.first_identified_at
    from customers
    left join accounts on customers.account_id = accounts.account_id
    left join billing on customers.customer_id = billing.customer_id
    left join rfm on customers.customer_id = rfm.customer_id
    left join activity on customers.customer_id = activity.customer_id
    left join feature_use on customers.customer_id = feature_use.customer_id
    left join technology on customers.customer_id = technology.customer_id
    left join support on customers.customer_id = support.customer_id
    left join survey on customers.customer_id = survey.customer_id
    left join needs on customers.customer_id = needs.customer_id
    left join health on customers.customer_id = health.customer_id
)

{{ select_contract('joined') }}
