{% macro segment__recently_refunded() %}
    {{- return(segment(
        label='Recently refunded',
        description='Got money back in the last 90 days.',
        type='value',
        owner='finance@tallyworks.example',
        requires=['billing'],
        conditions={
            'was refunded in the last 90 days': 'c.refund_amount_last_90 > 0',
        },
        max_share=0.1,
        purpose='Left out of price rises and upsells',
        review_by='2027-06-30',
        examples=[
            {'given': {'refund_amount_last_90': 0.01}, 'member': true},
            {'given': {'refund_amount_last_90': 0}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
