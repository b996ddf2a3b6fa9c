{% macro segment__wants_faster_payment() %}
    {{- return(segment(
        label='Wants to be paid faster',
        description='Said that being paid faster is the benefit they look for.',
        type='needs',
        owner='marketing@tallyworks.example',
        requires=['survey'],
        conditions={
            'seeks to be paid faster': "c.benefit_sought = 'get_paid_faster'",
        },
        max_share=0.5,
        max_change=0.5,
        purpose='Content about invoicing and reminders',
        review_by='2027-06-30',
        examples=[
            {'given': {'benefit_sought': 'get_paid_faster'}, 'member': true},
            {'given': {'benefit_sought': 'save_time'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
