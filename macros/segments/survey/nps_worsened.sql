{% macro segment__nps_worsened() %}
    {{- return(segment(
        label='NPS has worsened',
        description='Gave a lower NPS score than the time before.',
        type='survey',
        owner='success@tallyworks.example',
        requires=['survey'],
        conditions={
            'the latest score is below the one before': 'c.nps_change < 0',
        },
        max_share=0.3,
        max_change=0.8,
        purpose='Ask what has changed, while it is fresh',
        review_by='2027-06-30',
        examples=[
            {'given': {'nps_change': -1}, 'member': true},
            {'given': {'nps_change': 0}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
