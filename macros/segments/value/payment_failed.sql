{% macro segment__payment_failed() %}
    {{- return(segment(
        label='A payment failed',
        description='Have a subscription, and an attempt to collect for it failed in the last 28 days.',
        type='value',
        owner='finance@tallyworks.example',
        requires=['billing'],
        conditions={
            'has a subscription': 'c.has_open_subscription',
            'a payment failed in the last 28 days': 'c.failed_payment_count_last_28 >= 1',
        },
        max_share=0.2,
        purpose='Ask for a new card; left out of sales campaigns until it is paid',
        review_by='2027-03-31',
        examples=[
            {'given': {'has_open_subscription': true, 'failed_payment_count_last_28': 1}, 'member': true},
            {'given': {'has_open_subscription': true, 'failed_payment_count_last_28': 0}, 'member': false},
            {'given': {'has_open_subscription': false, 'failed_payment_count_last_28': 1}, 'member': false},
            {'given': {'has_open_subscription': true}, 'member': false},
        ],
    )) -}}
{% endmacro %}
