{% macro segment__new_time_trackers() %}
    {{- return(segment(
        label='New customers who mainly track time',
        description='Signed up in the last 90 days, and time tracking is at least a third of what they do.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'signed up in the last 90 days': within_last('c.signed_up_at', 90),
            'time tracking is the feature used most': "c.top_feature_last_28 = 'time_logged'",
            'it is at least a third of their use': 'c.top_feature_share_last_28 >= 0.3333',
        },
        max_share=0.1,
        purpose='Show what time entries can become: reports and invoices',
        review_by='2027-06-30',
        examples=[
            {
                'given': {
                    'signed_up_at': days_ago(89),
                    'top_feature_last_28': 'time_logged',
                    'top_feature_share_last_28': 0.3333,
                },
                'member': true,
            },
            {
                'given': {
                    'signed_up_at': days_ago(90),
                    'top_feature_last_28': 'time_logged',
                    'top_feature_share_last_28': 0.3333,
                },
                'member': false,
            },
            {
                'given': {
                    'signed_up_at': days_ago(89),
                    'top_feature_last_28': 'time_logged',
                    'top_feature_share_last_28': 0.3332,
                },
                'member': false,
            },
            {
                'given': {
                    'signed_up_at': days_ago(89),
                    'top_feature_last_28': 'invoice_sent',
                    'top_feature_share_last_28': 0.5,
                },
                'member': false,
            },
            {'given': {'signed_up_at': days_ago(89)}, 'member': false},
        ],
    )) -}}
{% endmacro %}
