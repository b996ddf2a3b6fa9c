{% macro segment__high_mrr() %}
    {{- return(segment(
        label='High MRR',
        description='Pay at least 200 a month in the reporting currency.',
        type='value',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'pays at least 200 a month': 'c.mrr >= 200',
        },
        max_share=0.3,
        max_change=0.5,
        purpose='Named customer-success manager',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 200}, 'member': true},
            {'given': {'mrr': 199.99}, 'member': false},
        ],
    )) -}}
{% endmacro %}
