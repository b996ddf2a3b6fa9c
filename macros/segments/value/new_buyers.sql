{% macro segment__new_buyers() %}
    {{- return(segment(
        label='New buyers',
        description='Made their first purchase in the last 30 days.',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'first purchase lies in the last 30 days': within_last('c.first_purchase_at', 30),
        },
        max_share=0.5,
        purpose='Welcome series',
        review_by='2027-06-30',
        examples=[
            {'given': {'first_purchase_at': days_ago(0)}, 'member': true},
            {'given': {'first_purchase_at': days_ago(29)}, 'member': true},
            {'given': {'first_purchase_at': days_ago(30)}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
