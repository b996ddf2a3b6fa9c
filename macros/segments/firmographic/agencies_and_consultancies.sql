{% macro segment__agencies_and_consultancies() %}
    {{- return(segment(
        label='Agencies and consultancies',
        description='Companies that bill their clients for time: marketing, design and consulting.',
        type='firmographic',
        entity='account',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'works for clients': "a.industry in ('marketing_and_advertising', 'design', 'management_consulting')",
        },
        max_share=0.8,
        max_change=0.3,
        purpose='Stories about client reports, time tracking and invoices',
        review_by='2027-06-30',
        examples=[
            {'given': {'industry': 'design'}, 'member': true},
            {'given': {'industry': 'management_consulting'}, 'member': true},
            {'given': {'industry': 'education_management'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
