{% macro segment__priority_support_requests() %}
    {{- return(segment(
        label='Priority customers who asked for help',
        description='Entitled to priority support, with a ticket created in the last 28 days.',
        type='support',
        owner='support@tallyworks.example',
        requires=['support', 'billing'],
        conditions={
            'the support tier is priority': "c.support_tier = 'priority'",
            'created a ticket in the last 28 days': 'c.ticket_count_last_28 >= 1',
        },
        max_share=0.1,
        purpose='Check that the times they were promised were kept',
        review_by='2027-03-31',
        examples=[
            {'given': {'support_tier': 'priority', 'ticket_count_last_28': 1}, 'member': true},
            {'given': {'support_tier': 'priority', 'ticket_count_last_28': 0}, 'member': false},
            {'given': {'support_tier': 'standard', 'ticket_count_last_28': 1}, 'member': false},
            {'given': {'ticket_count_last_28': 1}, 'member': false},
        ],
    )) -}}
{% endmacro %}
