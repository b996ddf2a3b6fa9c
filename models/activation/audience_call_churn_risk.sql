{{ audience(
    segment='high_churn_risk',
    channel='none',
    identifier='entity_key',
    rank_by='c.mrr desc, c.churn_risk_score desc',
    limit=50,
    columns={
        'rank': 'm.rank',
        'first_name': 'c.first_name',
        'last_name': 'c.last_name',
        'email': 'c.primary_email',
        'company': 'a.name',
        'job_title': 'c.job_title',
        'mrr': 'c.mrr',
        'churn_risk_score': 'c.churn_risk_score',
        'signals': 'c.churn_risk_signals',
        'in_segment_since': 'm.entered_at',
    },
) }}
