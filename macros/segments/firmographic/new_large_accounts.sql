{% macro segment__new_large_accounts() %}
    {{- return(segment(
        label='New accounts with more than 500 users',
        description='Came in the last 90 days with more than 500 users, signed up or ordered as seats.',
        type='firmographic',
        entity='account',
        owner='success@tallyworks.example',
        requires=['crm', 'events', 'billing'],
        conditions={
            'was created in the last 90 days': within_last('a.created_at', 90),
            'has more than 500 users or seats': 'a.user_count > 500 or a.seats > 500',
        },
        max_share=0.1,
        purpose='A project manager for the rollout from the first week',
        review_by='2027-03-31',
        examples=[
            {'given': {'created_at': days_ago(89), 'user_count': 501, 'seats': 0}, 'member': true},
            {'given': {'created_at': days_ago(89), 'user_count': 12, 'seats': 501}, 'member': true},
            {'given': {'created_at': days_ago(89), 'user_count': 500, 'seats': 500}, 'member': false},
            {'given': {'created_at': days_ago(90), 'user_count': 501, 'seats': 501}, 'member': false},
            {'given': {'user_count': 501, 'seats': 501}, 'member': false},
            {'given': {'created_at': days_ago(89)}, 'member': false},
        ],
    )) -}}
{% endmacro %}
