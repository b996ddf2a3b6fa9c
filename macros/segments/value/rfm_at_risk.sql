{% macro segment__rfm_at_risk() %}
    {{- return(segment(
        label='Good buyers going quiet',
        description='Bought often or a lot, but not lately.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'used to buy often and has stopped': "c.rfm_cell in ('at_risk', 'cannot_lose')",
            'spent at least as much as the middle fifth of buyers': 'c.monetary_score >= 3',
        },
        max_share=0.4,
        max_change=0.6,
        priority_group='rfm_cell',
        priority=4,
        purpose='Win-back offers',
        review_by='2027-06-30',
        examples=[
            {'given': {'rfm_cell': 'at_risk', 'monetary_score': 3}, 'member': true},
            {'given': {'rfm_cell': 'cannot_lose', 'monetary_score': 5}, 'member': true},
            {'given': {'rfm_cell': 'at_risk', 'monetary_score': 2}, 'member': false},
            {'given': {'rfm_cell': 'lost', 'monetary_score': 5}, 'member': false},
            {'given': {'rfm_cell': 'at_risk'}, 'member': false},
            {'given': {'monetary_score': 5}, 'member': false},
        ],
    )) -}}
{% endmacro %}
