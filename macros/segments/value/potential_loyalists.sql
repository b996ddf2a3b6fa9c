{% macro segment__potential_loyalists() %}
    {{- return(segment(
        label='Potential loyalists',
        description='Bought recently, and more than once: one more good experience makes them loyal.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'is in the cell of potential loyalists': "c.rfm_cell = 'potential_loyalist'",
        },
        max_share=0.4,
        max_change=0.6,
        priority_group='rfm_cell',
        priority=3,
        purpose='Second-purchase offers, tips for getting more out of it',
        review_by='2027-06-30',
        examples=[
            {'given': {'rfm_cell': 'potential_loyalist'}, 'member': true},
            {'given': {'rfm_cell': 'new'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
