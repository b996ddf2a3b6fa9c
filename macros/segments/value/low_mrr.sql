{% macro segment__low_mrr() %}
    {{- return(segment(
        label='Low MRR',
        description='Pay something, and less than the mid tier (seed mrr_tiers).',
        type='value',
        owner='growth@tallyworks.example',
        requires=['billing'],
        conditions={
            'the MRR is in the low tier': "c.mrr_tier = 'low'",
        },
        max_share=0.6,
        max_change=0.5,
        priority_group='mrr_tier',
        priority=3,
        purpose='Self-service help, yearly plan offers',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr_tier': 'low'}, 'member': true},
            {'given': {'mrr_tier': 'mid'}, 'member': false},
            {'given': {'mrr_tier': 'high'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
