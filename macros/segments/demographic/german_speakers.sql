{% macro segment__german_speakers() %}
    {{- return(segment(
        label='German speakers',
        description='Prefer to read German, wherever they live.',
        type='demographic',
        owner='marketing@tallyworks.example',
        requires=['crm'],
        conditions={
            'prefers German': "c.language = 'de'",
        },
        max_share=0.5,
        max_change=0.3,
        purpose='The German newsletter and webinars',
        review_by='2027-09-30',
        examples=[
            {'given': {'language': 'de'}, 'member': true},
            {'given': {'language': 'de', 'country': 'BR'}, 'member': true},
            {'given': {'language': 'en', 'country': 'DE'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
