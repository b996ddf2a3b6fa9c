{% macro segment__lost_buyers() %}
    {{- return(segment(
        label='Lost buyers',
        description='Bought seldom and long ago.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'is in the cell of the lost or the hibernating': "c.rfm_cell in ('lost', 'hibernating')",
        },
        max_share=0.5,
        max_change=0.6,
        priority_group='rfm_cell',
        priority=5,
        purpose='Left out of expensive channels',
        review_by='2027-06-30',
        examples=[
            {'given': {'rfm_cell': 'lost'}, 'member': true},
            {'given': {'rfm_cell': 'hibernating'}, 'member': true},
            {'given': {'rfm_cell': 'about_to_sleep'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
