{% macro segment__single_feature_users() %}
    {{- return(segment(
        label='Users of a single feature',
        description='Used one feature and no other in the last 28 days, on at least two days.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'used one feature': 'c.feature_count_last_28 = 1',
            'active on at least 2 of the last 28 days': 'c.active_days_last_28 >= 2',
        },
        max_share=0.3,
        purpose='One tip about the feature that people like them use next',
        review_by='2027-06-30',
        examples=[
            {'given': {'feature_count_last_28': 1, 'active_days_last_28': 2}, 'member': true},
            {'given': {'feature_count_last_28': 2, 'active_days_last_28': 2}, 'member': false},
            {'given': {'feature_count_last_28': 0, 'active_days_last_28': 2}, 'member': false},
            {'given': {'feature_count_last_28': 1, 'active_days_last_28': 1}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
