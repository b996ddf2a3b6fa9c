{% macro segment__trial_inactive() %}
    {{- return(segment(
        label='On trial, not using it',
        description='In a trial of more than three days that nobody has used in the last seven.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'is on trial': 'c.is_trialing',
            'is past day 3 of it': 'c.trial_day > 3',
            'not active in the last 7 days': 'c.active_days_last_7 = 0',
        },
        max_share=0.1,
        purpose='Extension of the trial together with an offer of help',
        review_by='2027-03-31',
        examples=[
            {'given': {'is_trialing': true, 'trial_day': 4, 'active_days_last_7': 0}, 'member': true},
            {'given': {'is_trialing': true, 'trial_day': 3, 'active_days_last_7': 0}, 'member': false},
            {'given': {'is_trialing': true, 'trial_day': 4, 'active_days_last_7': 1}, 'member': false},
            {'given': {'is_trialing': false, 'trial_day': 4, 'active_days_last_7': 0}, 'member': false},
            {'given': {'is_trialing': true, 'active_days_last_7': 0}, 'member': false},
        ],
    )) -}}
{% endmacro %}
