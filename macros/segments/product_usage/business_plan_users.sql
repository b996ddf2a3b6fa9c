{% macro segment__business_plan_users() %}
    {{- return(segment(
        label='Users of the Business plan',
        description='Use the product on the Business plan, their own or that of their company.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'is on the Business plan': "c.usable_plan = 'business'",
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Release notes of the Business plan, early access',
        review_by='2027-06-30',
        examples=[
            {'given': {'usable_plan': 'business', 'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'usable_plan': 'team', 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {'usable_plan': 'business'}, 'member': false},
            {'given': {'signed_up_at': days_ago(1)}, 'member': false},
        ],
    )) -}}
{% endmacro %}
