{% macro segment__nps_promoters() %}
    {{- return(segment(
        label='NPS promoters',
        description='Answered 9 or 10 when last asked how likely they are to recommend us.',
        type='loyalty',
        owner='success@tallyworks.example',
        requires=['survey'],
        conditions={
            'last NPS answer is 9 or 10': 'c.nps_score >= 9',
        },
        max_share=0.5,
        max_change=0.5,
        priority_group='nps_class',
        priority=1,
        purpose='Ask for a review or a referral',
        review_by='2027-06-30',
        examples=[
            {'given': {'nps_score': 9}, 'member': true},
            {'given': {'nps_score': 8}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
