with scores as (
    select * from {{ ref('int_scores') }}
    where entity = 'account'
),

pivoted as (
    select
        entity_id as account_id,
        max(case when score = 'health' then score_value end) as health_score,
        max(case when score = 'health' then band end) as health_band,
        max(case when score = 'fit' then score_value end) as fit_score,
        max(case when score = 'churn_risk' then score_value end) as churn_risk_score,
        max(case when score = 'churn_risk' then band end) as churn_risk_band,
        max(case when score = 'churn_risk' then signals end) as churn_risk_signals,
        max(case when score = 'expansion' then score_value end) as expansion_score,
        max(case when score = 'expansion' then signals end) as expansion_signals
    from scores
    group by entity_id
)

{{ select_contract('pivoted') }}
