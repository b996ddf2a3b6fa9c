{% macro segment__software_companies() %}
    {{- return(segment(
        label='Software and internet companies',
        description='Companies whose industry is software or the internet.',
        type='firmographic',
        entity='account',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'makes software or internet services': "a.industry in ('computer_software', 'internet')",
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Stories about the API, integrations and release planning',
        review_by='2027-06-30',
        examples=[
            {'given': {'industry': 'computer_software'}, 'member': true},
            {'given': {'industry': 'internet'}, 'member': true},
            {'given': {'industry': 'computer_hardware'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
