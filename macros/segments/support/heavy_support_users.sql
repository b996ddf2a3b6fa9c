{% macro segment__heavy_support_users() %}
    {{- return(segment(
        label='Heavy users of support',
        description='Opened at least three tickets in the last 90 days.',
        type='support',
        owner='support@tallyworks.example',
        requires=['support'],
        conditions={
            'opened at least 3 tickets in 90 days': 'c.ticket_count_last_90 >= 3',
        },
        max_share=0.2,
        purpose='Training offer, look for a product fault',
        review_by='2027-06-30',
        examples=[
            {'given': {'ticket_count_last_90': 3}, 'member': true},
            {'given': {'ticket_count_last_90': 2}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
