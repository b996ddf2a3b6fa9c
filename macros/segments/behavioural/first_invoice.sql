{% macro segment__first_invoice() %}
    {{- return(segment(
        label='Just sent the first invoice',
        description='Sent an invoice in the last 14 days, for the first time.',
        type='behavioural',
        owner='growth@tallyworks.example',
        requires=['events'],
        conditions={
            'sent the first invoice in the last 14 days': first_time('invoice_sent', within=14),
        },
        max_share=0.2,
        purpose='Congratulate, and show how to be paid faster',
        review_by='2027-06-30',
        examples=[
            {'given': {}, 'events': [{'event': 'invoice_sent', 'days_ago': 13}], 'member': true},
            {'given': {}, 'events': [{'event': 'invoice_sent', 'days_ago': 0}], 'member': true},
            {'given': {}, 'events': [{'event': 'invoice_sent', 'days_ago': 14}], 'member': false},
            {
                'given': {},
                'events': [{'event': 'invoice_sent', 'days_ago': 200}, {'event': 'invoice_sent', 'days_ago': 1}],
                'member': false,
            },
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
