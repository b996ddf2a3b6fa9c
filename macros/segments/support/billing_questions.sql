{% macro segment__billing_questions() %}
    {{- return(segment(
        label='Asks about billing',
        description='Most of their tickets of the last 90 days are about billing.',
        type='support',
        owner='finance@tallyworks.example',
        requires=['support'],
        conditions={
            'billing is the topic of most tickets': "c.top_ticket_topic_last_90 = 'billing'",
        },
        max_share=0.2,
        purpose='Clearer invoices; questions for interviews',
        review_by='2027-06-30',
        examples=[
            {'given': {'top_ticket_topic_last_90': 'billing'}, 'member': true},
            {'given': {'top_ticket_topic_last_90': 'bug'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
