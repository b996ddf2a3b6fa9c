{{ audience(
    segment='ready_to_expand',
    channel='none',
    identifier='entity_key',
    rank_by='c.expansion_score desc, c.mrr desc',
    limit=50,
    columns={
        'rank': 'm.rank',
        'first_name': 'c.first_name',
        'last_name': 'c.last_name',
        'email': 'c.primary_email',
        'company': 'a.name',
        'job_title': 'c.job_title',
        'mrr': 'c.mrr',
        'expansion_score': 'c.expansion_score',
        'signals': 'c.expansion_signals',
        'in_segment_since': 'm.entered_at',
    },
) }}
