{% macro segment__dissatisfied_and_disengaged() %}
    {{- return(segment(
        label='Dissatisfied and disengaged',
        description='Answered 3 or less in the latest CSAT survey, and were active on at most two of the last 28 days.',
        type='survey',
        owner='success@tallyworks.example',
        requires=['survey', 'events'],
        conditions={
            'last CSAT answer is 3 or less': 'c.csat_last <= 3',
            'active on at most 2 of the last 28 days': 'c.active_days_last_28 <= 2',
        },
        max_share=0.2,
        purpose='Personal call: the answer was bad and they went quiet',
        review_by='2027-03-31',
        examples=[
            {'given': {'csat_last': 3, 'active_days_last_28': 2}, 'member': true},
            {'given': {'csat_last': 1, 'active_days_last_28': 0}, 'member': true},
            {'given': {'csat_last': 4, 'active_days_last_28': 2}, 'member': false},
            {'given': {'csat_last': 3, 'active_days_last_28': 3}, 'member': false},
            {'given': {'active_days_last_28': 0}, 'member': false},
        ],
    )) -}}
{% endmacro %}
