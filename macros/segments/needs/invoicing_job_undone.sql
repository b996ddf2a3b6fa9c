{% macro segment__invoicing_job_undone() %}
    {{- return(segment(
        label='Came for invoices, sends none',
        description='Said that they need to send invoices, have had two weeks for it, and sent none for 28 days.',
        type='needs',
        owner='product@tallyworks.example',
        requires=['survey', 'events'],
        conditions={
            'the job to be done is to send invoices': "c.job_to_be_done = 'send_invoices'",
            'signed up more than 14 days ago': days_since('c.signed_up_at') ~ ' > 14',
            'sent no invoice in the last 28 days': not_performed('invoice_sent', within=28),
        },
        max_share=0.4,
        max_change=0.5,
        purpose='The product does not do the job they hired it for: ask why',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'job_to_be_done': 'send_invoices', 'signed_up_at': days_ago(15)},
                'events': [],
                'member': true,
            },
            {
                'given': {'job_to_be_done': 'send_invoices', 'signed_up_at': days_ago(15)},
                'events': [{'event': 'invoice_sent', 'days_ago': 28}],
                'member': true,
            },
            {
                'given': {'job_to_be_done': 'send_invoices', 'signed_up_at': days_ago(15)},
                'events': [{'event': 'invoice_sent', 'days_ago': 27}],
                'member': false,
            },
            {
                'given': {'job_to_be_done': 'send_invoices', 'signed_up_at': days_ago(14)},
                'events': [],
                'member': false,
            },
            {'given': {'job_to_be_done': 'track_time', 'signed_up_at': days_ago(15)}, 'events': [], 'member': false},
            {'given': {'signed_up_at': days_ago(15)}, 'events': [], 'member': false},
        ],
    )) -}}
{% endmacro %}
