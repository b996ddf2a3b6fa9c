{% macro segment__outgrown_solo() %}
    {{- return(segment(
        label='Outgrown the Solo plan',
        description='On the Solo plan and active on at least ten of the last 28 days.',
        type='product_usage',
        owner='growth@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'is on the Solo plan': "c.plan = 'solo'",
            'active on at least 10 of the last 28 days': 'c.active_days_last_28 >= 10',
        },
        max_share=0.2,
        purpose='Offer of the Team plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'plan': 'solo', 'active_days_last_28': 10}, 'member': true},
            {'given': {'plan': 'solo', 'active_days_last_28': 9}, 'member': false},
            {'given': {'plan': 'team', 'active_days_last_28': 28}, 'member': false},
            {'given': {'active_days_last_28': 28}, 'member': false},
        ],
    )) -}}
{% endmacro %}
