{% macro segment__abandoned_checkout() %}
    {{- return(segment(
        label='Abandoned checkout',
        description='Began a checkout in the last 30 days, did not finish it within a day, and has not bought since.',
        type='behavioural',
        owner='growth@tallyworks.example',
        requires=['events', 'billing'],
        conditions={
            'the flow abandoned last is a checkout': "c.last_abandoned_flow = 'checkout'",
            'began it in the last 30 days': within_last('c.last_flow_abandoned_at', 30),
            'has not bought since': 'c.last_purchase_at is null or c.last_purchase_at < c.last_flow_abandoned_at',
        },
        max_share=0.1,
        purpose='Reminder with an answer to common doubts',
        review_by='2027-03-31',
        examples=[
            {'given': {'last_abandoned_flow': 'checkout', 'last_flow_abandoned_at': days_ago(29)}, 'member': true},
            {
                'given': {
                    'last_abandoned_flow': 'checkout',
                    'last_flow_abandoned_at': days_ago(29),
                    'last_purchase_at': days_ago(30),
                },
                'member': true,
            },
            {
                'given': {
                    'last_abandoned_flow': 'checkout',
                    'last_flow_abandoned_at': days_ago(29),
                    'last_purchase_at': days_ago(29),
                },
                'member': false,
            },
            {'given': {'last_abandoned_flow': 'checkout', 'last_flow_abandoned_at': days_ago(30)}, 'member': false},
            {'given': {'last_abandoned_flow': 'import', 'last_flow_abandoned_at': days_ago(1)}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
