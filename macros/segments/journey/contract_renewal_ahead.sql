{% macro segment__contract_renewal_ahead() %}
    {{- return(segment(
        label='Contract renewal ahead',
        description='Renew in 32 to 120 days: contracts longer than a month, in time to talk about it.',
        type='journey',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'renews in 32 to 120 days': 'c.days_to_renewal between 32 and 120',
        },
        max_share=0.2,
        purpose='Review of the year before the invoice arrives',
        review_by='2027-06-30',
        examples=[
            {'given': {'days_to_renewal': 32}, 'member': true},
            {'given': {'days_to_renewal': 120}, 'member': true},
            {'given': {'days_to_renewal': 31}, 'member': false},
            {'given': {'days_to_renewal': 121}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
