{% macro segment__power_users() %}
    {{- return(segment(
        label='Power users',
        description='Active on at least 12 of the last 28 days with at least five features.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'active on at least 12 of the last 28 days': 'c.active_days_last_28 >= 12',
            'used at least 5 features': 'c.feature_count_last_28 >= 5',
        },
        max_share=0.3,
        purpose='Customer advisory board, tests of new features',
        review_by='2027-06-30',
        examples=[
            {'given': {'active_days_last_28': 12, 'feature_count_last_28': 5}, 'member': true},
            {'given': {'active_days_last_28': 11, 'feature_count_last_28': 5}, 'member': false},
            {'given': {'active_days_last_28': 12, 'feature_count_last_28': 4}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
