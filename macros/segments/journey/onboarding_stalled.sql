{% macro segment__onboarding_stalled() %}
    {{- return(segment(
        label='Onboarding stalled',
        description='Signed up 7 to 60 days ago, has steps of onboarding left, and did none in the last 7 days.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['events'],
        conditions={
            'signed up 7 to 60 days ago': 'c.days_since_signed_up between 7 and 60',
            'has not finished onboarding': 'c.onboarding_completed_at is null',
            'did no step in the last 7 days':
                'c.onboarding_last_step_at is null or ' ~ days_since('c.onboarding_last_step_at') ~ ' >= 7',
        },
        max_share=0.3,
        purpose='Help with the next step: a checklist, then a call',
        review_by='2027-03-31',
        examples=[
            {'given': {'days_since_signed_up': 7}, 'member': true},
            {'given': {'days_since_signed_up': 60, 'onboarding_last_step_at': days_ago(7)}, 'member': true},
            {'given': {'days_since_signed_up': 6}, 'member': false},
            {'given': {'days_since_signed_up': 61}, 'member': false},
            {'given': {'days_since_signed_up': 30, 'onboarding_last_step_at': days_ago(6)}, 'member': false},
            {
                'given': {
                    'days_since_signed_up': 30,
                    'onboarding_last_step_at': days_ago(7),
                    'onboarding_completed_at': days_ago(7),
                },
                'member': false,
            },
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
