{% macro segment__nps_passives() %}
    {{- return(segment(
        label='NPS passives',
        description='Answered 7 or 8 when last asked how likely they are to recommend us.',
        type='loyalty',
        owner='success@tallyworks.example',
        requires=['survey'],
        conditions={
            'last NPS answer is 7 or 8': 'c.nps_score between 7 and 8',
        },
        max_share=0.5,
        max_change=0.5,
        priority_group='nps_class',
        priority=2,
        purpose='Find out what is missing to a 9',
        review_by='2027-06-30',
        examples=[
            {'given': {'nps_score': 7}, 'member': true},
            {'given': {'nps_score': 8}, 'member': true},
            {'given': {'nps_score': 6}, 'member': false},
            {'given': {'nps_score': 9}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
