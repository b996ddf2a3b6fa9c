with accounts as (
    select * from {{ ref('dim_accounts') }}
),

firmographic as (
    select * from {{ ref('feat_accounts__firmographic') }}
),

people as (
    select * from {{ ref('feat_accounts__people') }}
),

billing as (
    select * from {{ ref('feat_accounts__billing') }}
),

support as (
    select * from {{ ref('feat_accounts__support') }}
),

survey as (
    select * from {{ ref('feat_accounts__survey') }}
),

scores as (
    select * from {{ ref('feat_accounts__scores') }}
),

joined as (
    select
        -- ids
        accounts.account_id,
        accounts.name,
        accounts.domain,

        -- who they are: firmographic
        firmographic.industry,
        firmographic.employee_band,
        firmographic.revenue_band,
        firmographic.delivery_model,
        firmographic.country,
        firmographic.world_region,
        firmographic.tech_stack,
        coalesce(firmographic.employee_count, 0) as employee_count,
        firmographic.annual_revenue,
        coalesce(firmographic.tech_count, 0) as tech_count,
        accounts.region,
        accounts.created_at,

        -- who works there and what they do
        coalesce(people.contact_count, 0) as contact_count,
        coalesce(people.decision_maker_count, 0) as decision_maker_count,
        coalesce(people.user_count, 0) as user_count,
        coalesce(people.active_users_last_7, 0) as active_users_last_7,
        coalesce(people.active_users_last_28, 0) as active_users_last_28,
        coalesce(people.new_users_last_28, 0) as new_users_last_28,
        coalesce(people.champion_count, 0) as champion_count,
        people.days_since_last_seen,
        people.last_seen_at,

        -- what they are worth
        billing.plan,
        coalesce(billing.mrr, 0) as mrr,
        coalesce(billing.mrr, 0) * 12 as arr,
        coalesce(billing.mrr_change_last_90, 0) as mrr_change_last_90,
        coalesce(billing.lifetime_revenue, 0) as lifetime_revenue,
        coalesce(billing.overdue_amount, 0) as overdue_amount,
        coalesce(billing.subscription_count, 0) as subscription_count,
        coalesce(billing.open_subscription_count, 0) as open_subscription_count,
        coalesce(billing.seats, 0) as seats,
        coalesce(billing.paying_customer_count, 0) as paying_customer_count,
        coalesce(billing.overdue_invoice_count, 0) as overdue_invoice_count,
        coalesce(billing.failed_payment_count_last_28, 0) as failed_payment_count_last_28,
        billing.days_to_renewal,
        billing.first_purchase_at,
        billing.last_purchase_at,
        billing.next_renewal_at,

        -- what they need and say: support
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

        -- survey
        coalesce(survey.nps_response_count, 0) as nps_response_count,
        coalesce(survey.promoter_count, 0) as promoter_count,
        coalesce(survey.detractor_count, 0) as detractor_count,
        coalesce(survey.csat_response_count, 0) as csat_response_count,
        survey.nps,
        survey.csat_satisfied_percent,

        -- how they are: scores
        scores.health_score,
        scores.health_band,
        scores.fit_score,
        scores.churn_risk_score,
        scores.churn_risk_band,
        scores.churn_risk_signals,
        scores.expansion_score,
        scores.expansion_signals
    from accounts
    left join firmographic on accounts.account_id = firmographic.account_id
    left join people on accounts.account_id = people.account_id
    left join billing on accounts.account_id = billing.account_id
    left join support on accounts.account_id = support.account_id
    left join survey on accounts.account_id = survey.account_id
    left join scores on accounts.account_id = scores.account_id
)

{{ select_contract('joined') }}
