{% macro segment__left_over_price() %}
    {{- return(segment(
        label='Left over the price',
        description='Cancelled, said that it was too expensive, and pays nothing today.',
        type='needs',
        owner='growth@tallyworks.example',
        requires=['survey', 'billing'],
        conditions={
            'said that it was too expensive': "c.exit_reason = 'too_expensive'",
            'has no subscription': 'not c.has_open_subscription',
        },
        max_share=0.2,
        max_change=0.5,
        purpose='Win-back with a smaller plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'exit_reason': 'too_expensive', 'has_open_subscription': false}, 'member': true},
            {'given': {'exit_reason': 'too_expensive', 'has_open_subscription': true}, 'member': false},
            {'given': {'exit_reason': 'hard_to_use', 'has_open_subscription': false}, 'member': false},
            {'given': {'has_open_subscription': false}, 'member': false},
        ],
    )) -}}
{% endmacro %}
