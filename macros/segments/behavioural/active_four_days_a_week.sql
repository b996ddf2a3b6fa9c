{% macro segment__active_four_days_a_week() %}
    {{- return(segment(
        label='Active four days a week',
        description='Used the product on at least four of the last seven days.',
        type='behavioural',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'active on at least 4 of the last 7 days': 'c.active_days_last_7 >= 4',
        },
        max_share=0.6,
        purpose='Beta tests, in-product research',
        review_by='2027-06-30',
        examples=[
            {'given': {'active_days_last_7': 4}, 'member': true},
            {'given': {'active_days_last_7': 3}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
