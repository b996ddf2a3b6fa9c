{% macro segment__loyal_buyers() %}
    {{- return(segment(
        label='Loyal buyers',
        description='Buy often, and bought not long ago.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'is in the loyal cell of recency and frequency': "c.rfm_cell = 'loyal'",
        },
        max_share=0.4,
        max_change=0.6,
        priority_group='rfm_cell',
        priority=2,
        purpose='Loyalty rewards, yearly plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'rfm_cell': 'loyal'}, 'member': true},
            {'given': {'rfm_cell': 'champion'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
