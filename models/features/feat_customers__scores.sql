{%- set pql = var('product_qualified_lead', {}) -%}
with scores as (
    select * from {{ ref('int_scores') }}
    where entity = 'customer'
),

customers as (
    select * from {{ ref('int_customers__score_inputs') }}
),

pivoted as (
    select
        entity_id as customer_id,
        max(case when score = 'health' then score_value end) as health_score,
        max(case when score = 'health' then band end) as health_band,
        max(case when score = 'engagement' then score_value end) as engagement_score,
        max(case when score = 'onboarding' then score_value end) as onboarding_score,
        max(case when score = 'fit' then score_value end) as fit_score,
        max(case when score = 'churn_risk' then score_value end) as churn_risk_score,
        max(case when score = 'churn_risk' then band end) as churn_risk_band,
        max(case when score = 'churn_risk' then signals end) as churn_risk_signals,
        max(case when score = 'expansion' then score_value end) as expansion_score,
        max(case when score = 'expansion' then signals end) as expansion_signals
    from scores
    group by entity_id
),

final as (
    select
        pivoted.*,
        coalesce(
            not customers.is_paying
            and pivoted.fit_score >= {{ pql.get('fit_score', 5) }}
            and pivoted.engagement_score >= {{ pql.get('engagement_score', 5) }},
            false
        ) as is_product_qualified_lead
    from pivoted
    inner join customers on pivoted.customer_id = customers.customer_id
)

{{ select_contract('final') }}
