with customers as (
    select * from {{ ref('dim_customers') }}
),

demographic as (
    select * from {{ ref('feat_customers__demographic') }}
),

geographic as (
    select * from {{ ref('feat_customers__geographic') }}
),

firmographic as (
    select * from {{ ref('feat_customers__firmographic') }}
),

technology as (
    select * from {{ ref('feat_customers__technology') }}
),

psychographic as (
    select * from {{ ref('feat_customers__psychographic') }}
),

onboarding as (
    select * from {{ ref('feat_customers__onboarding') }}
),

billing as (
    select * from {{ ref('feat_customers__billing') }}
),

value as (
    select * from {{ ref('feat_customers__value') }}
),

rfm as (
    select * from {{ ref('feat_customers__rfm') }}
),

activity as (
    select * from {{ ref('feat_customers__activity') }}
),

flows as (
    select * from {{ ref('feat_customers__flows') }}
),

feature_use as (
    select * from {{ ref('feat_customers__feature_use') }}
),

feature_access as (
    select * from {{ ref('feat_customers__feature_access') }}
),

needs as (
    select * from {{ ref('feat_customers__needs') }}
),

survey as (
    select * from {{ ref('feat_customers__survey') }}
),

support as (
    select * from {{ ref('feat_customers__support') }}
),

routing as (
    select * from {{ ref('feat_customers__support_routing') }}
),

scores as (
    select * from {{ ref('feat_customers__scores') }}
),

joined as (
    select
        -- ids
        customers.customer_id,
        customers.primary_email,
        customers.primary_phone,
        customers.account_id,

        -- who they are: demographic
        customers.first_name,
        customers.last_name,
        customers.born_on,
        demographic.age_band,
        demographic.gender,
        demographic.marital_status,
        demographic.education,
        demographic.income_band,
        demographic.job_title,
        demographic.job_level,
        demographic.language,
        demographic.age_years,
        coalesce(demographic.is_decision_maker, false) as is_decision_maker,

        -- geographic
        geographic.country,
        geographic.country_name,
        geographic.region,
        geographic.world_region,
        geographic.city,
        geographic.postal_code,
        geographic.time_zone,
        geographic.climate_zone,
        geographic.country_language,
        geographic.country_currency,
        geographic.utc_offset_hours,

        -- firmographic
        firmographic.account_industry,
        firmographic.account_employee_band,
        firmographic.account_revenue_band,
        firmographic.account_delivery_model,
        firmographic.account_country,
        firmographic.account_world_region,
        firmographic.account_tech_stack,
        coalesce(firmographic.account_employee_count, 0) as account_employee_count,
        firmographic.account_annual_revenue,
        coalesce(firmographic.account_tech_count, 0) as account_tech_count,

        -- technographic
        technology.primary_device_last_28,
        technology.primary_os_last_28,
        technology.primary_browser_last_28,
        technology.primary_app_last_28,
        coalesce(technology.device_count_last_28, 0) as device_count_last_28,
        coalesce(technology.has_used_mobile_last_28, false) as has_used_mobile_last_28,
        coalesce(technology.has_used_desktop_last_28, false) as has_used_desktop_last_28,
        technology.first_technology_seen_at,
        technology.last_technology_seen_at,

        -- psychographic
        psychographic.interests,
        psychographic.attitudes,
        psychographic.persona,
        psychographic.persona_origin,
        coalesce(psychographic.interest_count, 0) as interest_count,
        coalesce(psychographic.attitude_count, 0) as attitude_count,

        -- journey
        customers.lead_source,
        customers.lifecycle_stage,
        customers.first_identified_at,
        coalesce(onboarding.onboarding_step_count, 0) as onboarding_step_count,
        onboarding.onboarding_progress,
        onboarding.onboarding_last_step,
        onboarding.days_since_signed_up,
        onboarding.onboarding_last_step_at,
        onboarding.onboarding_completed_at,

        -- what they are worth: revenue and billing
        billing.plan,
        coalesce(billing.mrr, 0) as mrr,
        coalesce(billing.mrr, 0) * 12 as arr,
        billing.mrr_peak,
        coalesce(billing.mrr_change_last_90, 0) as mrr_change_last_90,
        coalesce(billing.lifetime_revenue, 0) as lifetime_revenue,
        billing.gross_margin_lifetime,
        billing.gross_margin_rate,
        coalesce(billing.refund_amount_last_90, 0) as refund_amount_last_90,
        coalesce(billing.overdue_amount, 0) as overdue_amount,
        billing.average_order_value,
        coalesce(billing.purchase_count, 0) as purchase_count,
        billing.days_between_orders_avg,
        coalesce(billing.overdue_invoice_count, 0) as overdue_invoice_count,
        coalesce(billing.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
        coalesce(billing.subscription_count, 0) as subscription_count,
        coalesce(billing.open_subscription_count, 0) as open_subscription_count,
        coalesce(billing.seats, 0) as seats,
        coalesce(billing.currency_count, 0) as currency_count,
        billing.plan_changes_last_90,
        billing.days_as_paying,
        billing.trial_day,
        billing.days_to_trial_end,
        billing.days_to_renewal,
        coalesce(billing.has_open_subscription, false) as has_open_subscription,
        coalesce(billing.is_trialing, false) as is_trialing,
        billing.first_purchase_at,
        billing.last_purchase_at,
        billing.first_paid_at,
        billing.trial_ends_at,
        billing.next_renewal_at,
        billing.last_upgrade_at,
        billing.last_downgrade_at,
        billing.last_failed_payment_at,
        billing.first_subscribed_at,
        billing.last_subscription_ended_at,

        -- value and loyalty
        value.predicted_value_method,
        value.mrr_tier,
        value.predicted_value,
        rfm.rfm_cell,
        rfm.rfm_recency_days,
        rfm.rfm_frequency,
        rfm.rfm_monetary,
        rfm.recency_score,
        rfm.frequency_score,
        rfm.monetary_score,

        -- what they do: behavioural
        coalesce(activity.active_days_last_7, 0) as active_days_last_7,
        coalesce(activity.active_days_last_28, 0) as active_days_last_28,
        coalesce(activity.active_days_previous_28, 0) as active_days_previous_28,
        coalesce(activity.active_days_last_90, 0) as active_days_last_90,
        activity.activity_trend,
        coalesce(activity.event_count_last_28, 0) as event_count_last_28,
        coalesce(activity.failed_task_count_last_7, 0) as failed_task_count_last_7,
        coalesce(activity.current_streak_days, 0) as current_streak_days,
        coalesce(activity.longest_streak_days, 0) as longest_streak_days,
        coalesce(activity.current_streak_weeks, 0) as current_streak_weeks,
        coalesce(activity.longest_streak_weeks, 0) as longest_streak_weeks,
        coalesce(activity.session_count, 0) as session_count,
        coalesce(activity.session_count_last_28, 0) as session_count_last_28,
        activity.average_session_minutes_last_28,
        activity.hours_to_first_value,
        coalesce(flows.abandoned_flow_count_last_28, 0) as abandoned_flow_count_last_28,
        flows.last_abandoned_flow,
        activity.days_since_last_seen,
        activity.first_seen_at,
        activity.last_seen_at,
        activity.signed_up_at,
        activity.first_value_at,
        flows.last_flow_abandoned_at,

        -- product usage
        feature_access.usable_plan,
        feature_access.available_features,
        feature_use.top_feature_last_28,
        feature_use.top_feature_share_last_28,
        coalesce(feature_use.feature_count_last_28, 0) as feature_count_last_28,
        coalesce(feature_use.feature_count_ever, 0) as feature_count_ever,
        coalesce(feature_use.listed_feature_count_adopted, 0) as listed_feature_count_adopted,
        coalesce(feature_use.key_feature_count_adopted, 0) as key_feature_count_adopted,
        coalesce(feature_use.has_adopted_all_key_features, false) as has_adopted_all_key_features,
        feature_use.first_key_feature_at,
        feature_use.last_feature_at,

        -- what they need and say: needs and jobs
        needs.job_to_be_done,
        needs.benefit_sought,
        needs.exit_reason,
        needs.job_to_be_done_at,
        needs.benefit_sought_at,
        needs.exit_reason_at,

        -- survey
        survey.nps_class,
        survey.nps_trend,
        survey.nps_score,
        survey.nps_previous_score,
        survey.nps_change,
        survey.csat_last,
        survey.csat_average_last_180,
        survey.ces_last,
        coalesce(survey.response_count, 0) as response_count,
        survey.days_since_last_response,
        survey.nps_responded_at,
        survey.csat_responded_at,
        survey.ces_responded_at,
        survey.last_responded_at,

        -- support
        support.top_ticket_topic_last_90,
        support.top_request_type_last_90,
        coalesce(support.open_ticket_count, 0) as open_ticket_count,
        coalesce(support.high_priority_open_ticket_count, 0) as high_priority_open_ticket_count,
        coalesce(support.waiting_ticket_count, 0) as waiting_ticket_count,
        coalesce(support.ticket_count_last_28, 0) as ticket_count_last_28,
        coalesce(support.ticket_count_last_90, 0) as ticket_count_last_90,
        coalesce(support.reopened_ticket_count_last_90, 0) as reopened_ticket_count_last_90,
        support.hours_to_first_response_average_last_90,
        support.hours_to_solve_average_last_90,
        support.csat_average_support_last_90,
        support.last_ticket_at,
        routing.support_tier,
        routing.support_region,

        -- how they are: scores
        scores.health_score,
        scores.health_band,
        scores.engagement_score,
        scores.onboarding_score,
        scores.fit_score,
        scores.churn_risk_score,
        scores.churn_risk_band,
        scores.churn_risk_signals,
        scores.expansion_score,
        scores.expansion_signals,
        coalesce(scores.is_product_qualified_lead, false) as is_product_qualified_lead
    from customers
    left join demographic on customers.customer_id = demographic.customer_id
    left join geographic on customers.customer_id = geographic.customer_id
    left join firmographic on customers.customer_id = firmographic.customer_id
    left join technology on customers.customer_id = technology.customer_id
    left join psychographic on customers.customer_id = psychographic.customer_id
    left join onboarding on customers.customer_id = onboarding.customer_id
    left join billing on customers.customer_id = billing.customer_id
    left join value on customers.customer_id = value.customer_id
    left join rfm on customers.customer_id = rfm.customer_id
    left join activity on customers.customer_id = activity.customer_id
    left join flows on customers.customer_id = flows.customer_id
    left join feature_use on customers.customer_id = feature_use.customer_id
    left join feature_access on customers.customer_id = feature_access.customer_id
    left join needs on customers.customer_id = needs.customer_id
    left join survey on customers.customer_id = survey.customer_id
    left join support on customers.customer_id = support.customer_id
    left join routing on customers.customer_id = routing.customer_id
    left join scores on customers.customer_id = scores.customer_id
)

{{ select_contract('joined') }}
