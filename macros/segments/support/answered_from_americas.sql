{% macro segment__answered_from_americas() %}
    {{- return(segment(
        label='Tickets for the team in the Americas',
        description='Live in the Americas and have an open ticket.',
        type='support',
        owner='support@tallyworks.example',
        requires=['support', 'crm'],
        conditions={
            'the Americas answer': "c.support_region in ('north_america', 'latin_america')",
            'a ticket is open': 'c.open_ticket_count >= 1',
        },
        max_share=0.2,
        purpose='Shift planning by region',
        review_by='2027-06-30',
        examples=[
            {'given': {'support_region': 'north_america', 'open_ticket_count': 1}, 'member': true},
            {'given': {'support_region': 'latin_america', 'open_ticket_count': 1}, 'member': true},
            {'given': {'support_region': 'north_america', 'open_ticket_count': 0}, 'member': false},
            {'given': {'support_region': 'europe', 'open_ticket_count': 1}, 'member': false},
            {'given': {'open_ticket_count': 1}, 'member': false},
        ],
    )) -}}
{% endmacro %}
