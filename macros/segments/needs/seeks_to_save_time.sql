{% macro segment__seeks_to_save_time() %}
    {{- return(segment(
        label='Wants to save time',
        description='Said that saving time is the benefit they look for.',
        type='needs',
        owner='marketing@tallyworks.example',
        requires=['survey'],
        conditions={
            'seeks to save time': "c.benefit_sought = 'save_time'",
        },
        max_share=0.5,
        max_change=0.5,
        purpose='Content about templates and automations',
        review_by='2027-06-30',
        examples=[
            {'given': {'benefit_sought': 'save_time'}, 'member': true},
            {'given': {'benefit_sought': 'get_paid_faster'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
