{% macro segment__high_mrr() %}
    {{- return(segment(
        label='High MRR',
        description='Pay at least what the high tier begins with (seed mrr_tiers).',
        type='value',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'the MRR is in the high tier': "c.mrr_tier = 'high'",
        },
        max_share=0.3,
        max_change=0.5,
        priority_group='mrr_tier',
        priority=1,
        purpose='Named customer-success manager',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr_tier': 'high'}, 'member': true},
            {'given': {'mrr_tier': 'low'}, 'member': false},
            {'given': {'mrr_tier': 'mid'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
