{% macro segment__nps_detractors() %}
    {{- return(segment(
        label='NPS detractors',
        description='Answered 6 or less when last asked how likely they are to recommend us.',
        type='loyalty',
        owner='success@tallyworks.example',
        requires=['survey'],
        conditions={
            'last NPS answer is 6 or less': 'c.nps_score <= 6',
        },
        max_share=0.5,
        max_change=0.5,
        priority_group='nps_class',
        priority=3,
        purpose='Close the loop within two working days; left out of referral requests',
        review_by='2027-06-30',
        examples=[
            {'given': {'nps_score': 6}, 'member': true},
            {'given': {'nps_score': 0}, 'member': true},
            {'given': {'nps_score': 7}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
