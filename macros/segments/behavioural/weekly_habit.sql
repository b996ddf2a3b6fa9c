{% macro segment__weekly_habit() %}
    {{- return(segment(
        label='A weekly habit',
        description='Came back at least once in each of the last eight weeks.',
        type='behavioural',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'active in at least 8 weeks in a row': 'c.current_streak_weeks >= 8',
        },
        max_share=0.5,
        purpose='Reference for what keeps people; not to be disturbed by win-back messages',
        review_by='2027-06-30',
        examples=[
            {'given': {'current_streak_weeks': 8}, 'member': true},
            {'given': {'current_streak_weeks': 7}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
