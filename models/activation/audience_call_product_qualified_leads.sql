{{ audience(
    segment='product_qualified_leads',
    channel='none',
    identifier='entity_key',
    rank_by='c.fit_score + c.engagement_score desc',
    limit=50,
    columns={
        'rank': 'm.rank',
        'first_name': 'c.first_name',
        'last_name': 'c.last_name',
        'email': 'c.primary_email',
        'company': 'a.name',
        'job_title': 'c.job_title',
        'fit_score': 'c.fit_score',
        'engagement_score': 'c.engagement_score',
        'active_days_last_28': 'c.active_days_last_28',
        'in_segment_since': 'm.entered_at',
    },
) }}
