{% macro segment__usage_fading() %}
    {{- return(segment(
        label='Usage is fading',
        description='Was active on at least four of 28 days, and in the last 28 on half as many days or fewer.',
        type='behavioural',
        owner='success@tallyworks.example',
        requires=['events'],
        conditions={
            'was active on at least 4 of the 28 days before': 'c.active_days_previous_28 >= 4',
            'is active on half as many days or fewer': 'c.activity_trend <= 0.5',
        },
        max_share=0.3,
        purpose='Early question what is missing, while they are still there',
        review_by='2027-06-30',
        examples=[
            {'given': {'active_days_previous_28': 4, 'activity_trend': 0.5}, 'member': true},
            {'given': {'active_days_previous_28': 3, 'activity_trend': 0.5}, 'member': false},
            {'given': {'active_days_previous_28': 4, 'activity_trend': 0.51}, 'member': false},
            {'given': {'active_days_previous_28': 4, 'activity_trend': 0}, 'member': true},
            {'given': {'active_days_previous_28': 4}, 'member': false},
        ],
    )) -}}
{% endmacro %}
