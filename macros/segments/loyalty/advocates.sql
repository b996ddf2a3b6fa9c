{% macro segment__advocates() %}
    {{- return(segment(
        label='Top customers suited to advocacy',
        description='Promoters with a mid or high MRR, paying for half a year, healthy, without an open ticket.',
        type='loyalty',
        owner='marketing@tallyworks.example',
        requires=['survey', 'billing', 'events', 'support'],
        conditions={
            'last NPS answer is 9 or 10': 'c.nps_score >= 9',
            'pays a mid or high MRR': "c.mrr_tier in ('mid', 'high')",
            'has paid for at least 180 days': 'c.days_as_paying >= 180',
            'is healthy': "c.health_band = 'high'",
            'has no open ticket': 'c.open_ticket_count = 0',
        },
        max_share=0.1,
        purpose='Case studies, reference calls, reviews',
        review_by='2027-06-30',
        examples=[
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'mid',
                    'days_as_paying': 180,
                    'health_band': 'high',
                    'open_ticket_count': 0,
                },
                'member': true,
            },
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'high',
                    'days_as_paying': 180,
                    'health_band': 'high',
                    'open_ticket_count': 0,
                },
                'member': true,
            },
            {
                'given': {
                    'nps_score': 8,
                    'mrr_tier': 'mid',
                    'days_as_paying': 180,
                    'health_band': 'high',
                    'open_ticket_count': 0,
                },
                'member': false,
            },
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'low',
                    'days_as_paying': 180,
                    'health_band': 'high',
                    'open_ticket_count': 0,
                },
                'member': false,
            },
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'mid',
                    'days_as_paying': 179,
                    'health_band': 'high',
                    'open_ticket_count': 0,
                },
                'member': false,
            },
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'mid',
                    'days_as_paying': 180,
                    'health_band': 'medium',
                    'open_ticket_count': 0,
                },
                'member': false,
            },
            {
                'given': {
                    'nps_score': 9,
                    'mrr_tier': 'mid',
                    'days_as_paying': 180,
                    'health_band': 'high',
                    'open_ticket_count': 1,
                },
                'member': false,
            },
            {
                'given': {'mrr_tier': 'mid', 'days_as_paying': 180, 'health_band': 'high', 'open_ticket_count': 0},
                'member': false,
            },
        ],
    )) -}}
{% endmacro %}
