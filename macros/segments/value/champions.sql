{% macro segment__champions() %}
    {{- return(segment(
        label='Champions',
        description='Bought recently and buy often: the customers to thank, to learn from and to ask for a reference.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'is in the champion cell of recency and frequency': "c.rfm_cell = 'champion'",
        },
        min_size=5,
        max_share=0.4,
        max_change=0.5,
        priority_group='rfm_cell',
        priority=1,
        purpose='References, early access, referral programme',
        review_by='2027-06-30',
        examples=[
            {'given': {'rfm_cell': 'champion'}, 'member': true},
            {'given': {'rfm_cell': 'loyal'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
