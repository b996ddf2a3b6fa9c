{% macro segment__many_tickets_poor_satisfaction() %}
    {{- return(segment(
        label='Many tickets, poor satisfaction',
        description='At least three tickets in the last 90 days, and mean satisfaction with them of 3 or less.',
        type='support',
        owner='support@tallyworks.example',
        requires=['support'],
        conditions={
            'at least 3 tickets in 90 days': 'c.ticket_count_last_90 >= 3',
            'mean satisfaction is 3 or less': 'c.csat_average_support_last_90 <= 3',
        },
        max_share=0.1,
        purpose='Review by the head of support; one person who takes care',
        review_by='2027-03-31',
        examples=[
            {'given': {'ticket_count_last_90': 3, 'csat_average_support_last_90': 3}, 'member': true},
            {'given': {'ticket_count_last_90': 2, 'csat_average_support_last_90': 3}, 'member': false},
            {'given': {'ticket_count_last_90': 3, 'csat_average_support_last_90': 3.01}, 'member': false},
            {'given': {'ticket_count_last_90': 3}, 'member': false},
        ],
    )) -}}
{% endmacro %}
