{% macro segment__stopped_invoicing() %}
    {{- return(segment(
        label='Stopped sending invoices',
        description='Pay, sent invoices in the 28 days before the last 28, and none since.',
        type='behavioural',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'pays': 'c.mrr > 0',
            'sent invoices before, and none in the last 28 days':
                stopped_performing('invoice_sent', within=28, before=28),
        },
        max_share=0.3,
        purpose='Ask whether they invoice elsewhere now',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 0.01}, 'events': [{'event': 'invoice_sent', 'days_ago': 28}], 'member': true},
            {'given': {'mrr': 0.01}, 'events': [{'event': 'invoice_sent', 'days_ago': 55}], 'member': true},
            {'given': {'mrr': 0.01}, 'events': [{'event': 'invoice_sent', 'days_ago': 56}], 'member': false},
            {
                'given': {'mrr': 0.01},
                'events': [{'event': 'invoice_sent', 'days_ago': 40}, {'event': 'invoice_sent', 'days_ago': 27}],
                'member': false,
            },
            {'given': {'mrr': 0}, 'events': [{'event': 'invoice_sent', 'days_ago': 28}], 'member': false},
            {'given': {'mrr': 0.01}, 'events': [{'event': 'task_completed', 'days_ago': 28}], 'member': false},
        ],
    )) -}}
{% endmacro %}
