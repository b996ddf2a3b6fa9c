{% macro segment__expansion_candidates() %}
    {{- return(segment(
        label='Expansion candidates',
        description='Healthy paying accounts with at least three active users.',
        type='health',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'pays': 'a.mrr > 0',
            'has at least 3 active users': 'a.active_users_last_28 >= 3',
            'is healthy': 'a.health_score >= 7',
        },
        max_share=0.6,
        purpose='Upgrade and seat conversations',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 19, 'active_users_last_28': 3, 'health_score': 7}, 'member': true},
            {'given': {'mrr': 19, 'active_users_last_28': 2, 'health_score': 7}, 'member': false},
            {'given': {'mrr': 19, 'active_users_last_28': 3, 'health_score': 6.99}, 'member': false},
            {'given': {'mrr': 0, 'active_users_last_28': 3, 'health_score': 7}, 'member': false},
            {'given': {'mrr': 19, 'active_users_last_28': 3}, 'member': false},
        ],
    )) -}}
{% endmacro %}
