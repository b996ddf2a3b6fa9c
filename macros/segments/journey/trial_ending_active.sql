{% macro segment__trial_ending_active() %}
    {{- return(segment(
        label='Trial ending soon, active',
        description='The trial ends within seven days and the product was used in the last seven.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'is on trial': 'c.is_trialing',
            'the trial ends within 7 days': "c.trial_ends_at <= " ~ as_of() ~ " + interval '7' day",
            'active in the last 7 days': 'c.active_days_last_7 >= 1',
        },
        max_share=0.2,
        purpose='Conversion call or offer',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'is_trialing': true, 'trial_ends_at': days_ago(-7), 'active_days_last_7': 1},
                'member': true,
            },
            {
                'given': {'is_trialing': true, 'trial_ends_at': days_ago(-8), 'active_days_last_7': 1},
                'member': false,
            },
            {
                'given': {'is_trialing': true, 'trial_ends_at': days_ago(-7), 'active_days_last_7': 0},
                'member': false,
            },
            {
                'given': {'is_trialing': false, 'trial_ends_at': days_ago(-7), 'active_days_last_7': 1},
                'member': false,
            },
            {'given': {'is_trialing': true, 'active_days_last_7': 1}, 'member': false},
        ],
    )) -}}
{% endmacro %}
