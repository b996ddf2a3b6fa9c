{% macro segment__remote_companies() %}
    {{- return(segment(
        label='Companies that work remotely',
        description='Deliver what they sell from anywhere.',
        type='firmographic',
        entity='account',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'works remotely': "a.delivery_model = 'remote'",
        },
        max_share=0.6,
        max_change=0.4,
        purpose='Content about working apart: dashboards, templates, handing over',
        review_by='2027-09-30',
        examples=[
            {'given': {'delivery_model': 'remote'}, 'member': true},
            {'given': {'delivery_model': 'hybrid'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
