with accounts as (
    select * from {{ ref('dim_accounts') }}
),

customers as (
    select * from {{ ref('customer_360') }}
),

rolled_up as (
    select
        account_id,
        count(*) as contact_count,
        count(case when signed_up_at is not null or session_count > 0 then 1 end) as user_count,
        count(case when active_days_last_28 > 0 then 1 end) as active_users_last_28,
        sum(mrr) as mrr,
        sum(lifetime_revenue) as lifetime_revenue,
        sum(open_ticket_count) as open_ticket_count,
        sum(ticket_count_last_90) as ticket_count_last_90,
        avg(health_score) as health_score,
        min(first_purchase_at) as first_purchase_at
    from customers
    where account_id is not null
    group by account_id
),

joined as (
    select
        accounts.account_id,
        accounts.name,
        accounts.domain,
        accounts.industry,
        accounts.employee_count,
        accounts.annual_revenue,
        accounts.country,
        accounts.region,
        accounts.delivery_model,
        coalesce(rolled_up.contact_count, 0) as contact_count,
        coalesce(rolled_up.user_count, 0) as user_count,
        coalesce(rolled_up.active_users_last_28, 0) as active_users_last_28,
        coalesce(rolled_up.mrr, 0) as mrr,
        coalesce(rolled_up.mrr, 0) * 12 as arr,
        coalesce(rolled_up.lifetime_revenue, 0) as lifetime_revenue,
        coalesce(rolled_up.open_ticket_count, 0) as open_ticket_count,
        coalesce(rolled_up.ticket_count_last_90, 0) as ticket_count_last_90,
        rolled_up.health_score,
        rolled_up.first_purchase_at,
        accounts.created_at
    from accounts
    left join rolled_up on accounts.account_id = rolled_up.account_id
)

{{ select_contract('joined') }}
