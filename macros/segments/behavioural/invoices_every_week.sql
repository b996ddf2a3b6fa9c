{% macro segment__invoices_every_week() %}
    {{- return(segment(
        label='Sends invoices every week',
        description='Sent an invoice in each of the last four weeks.',
        type='behavioural',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'sent an invoice in each of the last 4 weeks': performed_regularly('invoice_sent', periods=4, of=4),
        },
        max_share=0.3,
        purpose='Recurring invoices and reminders, payment features first',
        review_by='2027-06-30',
        examples=[
            {
                'given': {},
                'events': [
                    {'event': 'invoice_sent', 'days_ago': 27},
                    {'event': 'invoice_sent', 'days_ago': 20},
                    {'event': 'invoice_sent', 'days_ago': 13},
                    {'event': 'invoice_sent', 'days_ago': 6},
                ],
                'member': true,
            },
            {
                'given': {},
                'events': [
                    {'event': 'invoice_sent', 'days_ago': 28},
                    {'event': 'invoice_sent', 'days_ago': 20},
                    {'event': 'invoice_sent', 'days_ago': 13},
                    {'event': 'invoice_sent', 'days_ago': 6},
                ],
                'member': false,
            },
            {'given': {}, 'events': [{'event': 'invoice_sent', 'days_ago': 1, 'count': 4}], 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
