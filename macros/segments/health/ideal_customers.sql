{% macro segment__ideal_customers() %}
    {{- return(segment(
        label='Ideal customers',
        description='Companies whose size, industry and region fit the ideal customer profile.',
        type='health',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'fits the ideal customer profile': 'a.fit_score >= 7',
        },
        max_share=0.6,
        max_change=0.3,
        purpose='Named accounts of sales; look-alike audiences',
        review_by='2027-06-30',
        examples=[
            {'given': {'fit_score': 7}, 'member': true},
            {'given': {'fit_score': 6.99}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
