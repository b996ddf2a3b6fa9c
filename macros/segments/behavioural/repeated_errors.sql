{% macro segment__repeated_errors() %}
    {{- return(segment(
        label='Repeated errors in a task',
        description='Failed at least twice in the last seven days at an import, a sync or another task.',
        type='behavioural',
        owner='support@tallyworks.example',
        requires=['events'],
        conditions={
            'a task failed at least twice in 7 days': 'c.failed_task_count_last_7 >= 2',
        },
        max_share=0.15,
        purpose='Offer of help before they ask',
        review_by='2027-03-31',
        examples=[
            {'given': {'failed_task_count_last_7': 2}, 'member': true},
            {'given': {'failed_task_count_last_7': 1}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
