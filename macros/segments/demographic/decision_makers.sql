{% macro segment__decision_makers() %}
    {{- return(segment(
        label='Decision makers',
        description='Can decide about a purchase, by their job title.',
        type='demographic',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'the job title is one that decides': 'c.is_decision_maker',
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Business cases and price talks; kept apart from how-to content',
        review_by='2027-06-30',
        examples=[
            {'given': {'is_decision_maker': true}, 'member': true},
            {'given': {'is_decision_maker': false}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
