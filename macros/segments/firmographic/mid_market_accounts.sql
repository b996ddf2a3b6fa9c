{% macro segment__mid_market_accounts() %}
    {{- return(segment(
        label='Mid-market accounts',
        description='Companies with 50 to 499 employees.',
        type='firmographic',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'has 50 to 499 employees': 'a.employee_count between 50 and 499',
        },
        max_share=0.7,
        max_change=0.3,
        purpose='Assisted onboarding and the Business plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'employee_count': 50}, 'member': true},
            {'given': {'employee_count': 499}, 'member': true},
            {'given': {'employee_count': 49}, 'member': false},
            {'given': {'employee_count': 500}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
