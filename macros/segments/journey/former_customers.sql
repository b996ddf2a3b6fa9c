{% macro segment__former_customers() %}
    {{- return(segment(
        label='Former customers',
        description='Paid once and have no subscription any more.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'has paid': 'c.first_paid_at is not null',
            'has no subscription': 'not c.has_open_subscription',
        },
        max_share=0.6,
        max_change=0.3,
        purpose='Win-back, left out of everything for customers',
        review_by='2027-06-30',
        examples=[
            {'given': {'first_paid_at': days_ago(90), 'has_open_subscription': false}, 'member': true},
            {'given': {'first_paid_at': days_ago(90), 'has_open_subscription': true}, 'member': false},
            {'given': {'has_open_subscription': false}, 'member': false},
        ],
    )) -}}
{% endmacro %}
