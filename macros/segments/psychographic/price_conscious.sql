{% macro segment__price_conscious() %}
    {{- return(segment(
        label='Price-conscious',
        description='Look at the price first, by what they or data providers say of them.',
        type='psychographic',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'looks at the price first': has_item('c.attitudes', 'price_conscious'),
        },
        max_share=0.3,
        max_change=0.5,
        purpose='Yearly discount, comparison of total cost',
        review_by='2027-09-30',
        examples=[
            {'given': {'attitudes': 'price_conscious'}, 'member': true},
            {'given': {'attitudes': 'early_adopter,price_conscious'}, 'member': true},
            {'given': {'attitudes': 'quality_first'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
