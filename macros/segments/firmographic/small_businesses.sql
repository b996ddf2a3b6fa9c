{% macro segment__small_businesses() %}
    {{- return(segment(
        label='Small businesses',
        description='Companies with 1 to 49 employees.',
        type='firmographic',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'has 1 to 49 employees': 'a.employee_count between 1 and 49',
        },
        max_share=0.9,
        max_change=0.3,
        purpose='Self-service onboarding and the Team plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'employee_count': 1}, 'member': true},
            {'given': {'employee_count': 49}, 'member': true},
            {'given': {'employee_count': 50}, 'member': false},
            {'given': {'employee_count': 0}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
