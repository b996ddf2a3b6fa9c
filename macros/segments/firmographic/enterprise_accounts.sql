{% macro segment__enterprise_accounts() %}
    {{- return(segment(
        label='Enterprise accounts',
        description='Companies with at least 500 employees.',
        type='firmographic',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'has at least 500 employees': 'a.employee_count >= 500',
        },
        max_share=0.5,
        purpose='Enterprise sales team',
        review_by='2027-06-30',
        examples=[
            {'given': {'employee_count': 500}, 'member': true},
            {'given': {'employee_count': 499}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
