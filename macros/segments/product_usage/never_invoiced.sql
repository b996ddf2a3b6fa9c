{% macro segment__never_invoiced() %}
    {{- return(segment(
        label='Users who never sent an invoice',
        description='Used the product in the last 28 days and have never sent an invoice with it.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'active in the last 28 days': 'c.active_days_last_28 >= 1',
            'has never sent an invoice': not_performed('invoice_sent'),
        },
        max_share=0.7,
        purpose='Show the first invoice in two minutes',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'active_days_last_28': 1},
                'events': [{'event': 'task_completed', 'days_ago': 1}],
                'member': true,
            },
            {'given': {'active_days_last_28': 1}, 'events': [], 'member': true},
            {
                'given': {'active_days_last_28': 1},
                'events': [{'event': 'invoice_sent', 'days_ago': 400}],
                'member': false,
            },
            {
                'given': {'active_days_last_28': 0},
                'events': [{'event': 'task_completed', 'days_ago': 30}],
                'member': false,
            },
        ],
    )) -}}
{% endmacro %}
