{% macro segment__lapsed_and_returning() %}
    {{- return(segment(
        label='Lapsed and returning',
        description='Used the product in the last 28 days again, after not at all in the 28 days before.',
        type='behavioural',
        owner='growth@tallyworks.example',
        requires=['events'],
        conditions={
            'was here more than 56 days ago': days_since('c.first_seen_at') ~ ' > 56',
            'was away for the 28 days before the last 28': 'c.active_days_previous_28 = 0',
            'is back': 'c.active_days_last_28 >= 1',
        },
        max_share=0.2,
        purpose='Welcome back: what is new since they left',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'first_seen_at': days_ago(57), 'active_days_previous_28': 0, 'active_days_last_28': 1},
                'member': true,
            },
            {
                'given': {'first_seen_at': days_ago(56), 'active_days_previous_28': 0, 'active_days_last_28': 1},
                'member': false,
            },
            {
                'given': {'first_seen_at': days_ago(57), 'active_days_previous_28': 1, 'active_days_last_28': 1},
                'member': false,
            },
            {
                'given': {'first_seen_at': days_ago(57), 'active_days_previous_28': 0, 'active_days_last_28': 0},
                'member': false,
            },
            {'given': {'active_days_previous_28': 0, 'active_days_last_28': 1}, 'member': false},
        ],
    )) -}}
{% endmacro %}
