{% macro segment__mid_mrr() %}
    {{- return(segment(
        label='Mid MRR',
        description='Pay at least what the mid tier begins with, and less than the high one (seed mrr_tiers).',
        type='value',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'the MRR is in the mid tier': "c.mrr_tier = 'mid'",
        },
        max_share=0.4,
        max_change=0.5,
        priority_group='mrr_tier',
        priority=2,
        purpose='Pooled customer success, webinars',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr_tier': 'mid'}, 'member': true},
            {'given': {'mrr_tier': 'low'}, 'member': false},
            {'given': {'mrr_tier': 'high'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
