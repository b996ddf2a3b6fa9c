{% macro segment__reports_problems() %}
    {{- return(segment(
        label='Reports problems',
        description='Most of their tickets of the last 90 days are problems or incidents, not questions.',
        type='support',
        owner='support@tallyworks.example',
        requires=['support'],
        conditions={
            'most tickets are problems or incidents': "c.top_request_type_last_90 in ('problem', 'incident')",
        },
        max_share=0.2,
        purpose='Told first when a fault is repaired',
        review_by='2027-06-30',
        examples=[
            {'given': {'top_request_type_last_90': 'problem'}, 'member': true},
            {'given': {'top_request_type_last_90': 'incident'}, 'member': true},
            {'given': {'top_request_type_last_90': 'question'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
