{% macro segment__agency_owners() %}
    {{- return(segment(
        label='Persona: agency owner',
        description='Match the persona of an agency owner.',
        type='psychographic',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'the persona is agency owner': "c.persona = 'agency_owner'",
        },
        max_share=0.4,
        max_change=0.3,
        purpose='Messages written for that persona',
        review_by='2027-09-30',
        examples=[
            {'given': {'persona': 'agency_owner'}, 'member': true},
            {'given': {'persona': 'freelancer'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
