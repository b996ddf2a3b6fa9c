{% macro segment__paying_without_key_feature() %}
    {{- return(segment(
        label='Paying, a key feature not activated',
        description='Have paid for at least 30 days and have not used every key feature yet.',
        type='product_usage',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'pays': 'c.mrr > 0',
            'has paid for at least 30 days': 'c.days_as_paying >= 30',
            'has not used every key feature': 'not c.has_adopted_all_key_features',
        },
        max_share=0.3,
        purpose='A call about the part of the product they pay for and do not use',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 0.01, 'days_as_paying': 30, 'has_adopted_all_key_features': false}, 'member': true},
            {'given': {'mrr': 0, 'days_as_paying': 30, 'has_adopted_all_key_features': false}, 'member': false},
            {'given': {'mrr': 9, 'days_as_paying': 29, 'has_adopted_all_key_features': false}, 'member': false},
            {'given': {'mrr': 9, 'days_as_paying': 30, 'has_adopted_all_key_features': true}, 'member': false},
            {'given': {'mrr': 9, 'days_as_paying': 30}, 'member': false},
        ],
    )) -}}
{% endmacro %}
