{% macro segment__early_adopters() %}
    {{- return(segment(
        label='Early adopters',
        description='Like to try new things first, by what they or data providers say of them.',
        type='psychographic',
        owner='product@tallyworks.example',
        requires=['crm'],
        conditions={
            'is an early adopter': has_item('c.attitudes', 'early_adopter'),
        },
        max_share=0.3,
        max_change=0.5,
        purpose='Beta programme',
        review_by='2027-09-30',
        examples=[
            {'given': {'attitudes': 'early_adopter'}, 'member': true},
            {'given': {'attitudes': 'early_adopter,price_conscious'}, 'member': true},
            {'given': {'attitudes': 'quality_first'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
