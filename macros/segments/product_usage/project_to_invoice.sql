{% macro segment__project_to_invoice() %}
    {{- return(segment(
        label='From project to invoice',
        description='Created a project, then completed a task, then sent an invoice, all in the last 28 days.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'went from a project over a task to an invoice':
                performed_in_order(['project_created', 'task_completed', 'invoice_sent'], within=28),
        },
        max_share=0.4,
        purpose='Those for whom the product does the whole job: case studies of the workflow',
        review_by='2027-06-30',
        examples=[
            {
                'given': {},
                'events': [
                    {'event': 'project_created', 'days_ago': 27.9},
                    {'event': 'task_completed', 'days_ago': 14},
                    {'event': 'invoice_sent', 'days_ago': 0},
                ],
                'member': true,
            },
            {
                'given': {},
                'events': [
                    {'event': 'project_created', 'days_ago': 28},
                    {'event': 'task_completed', 'days_ago': 14},
                    {'event': 'invoice_sent', 'days_ago': 0},
                ],
                'member': false,
            },
            {
                'given': {},
                'events': [
                    {'event': 'project_created', 'days_ago': 3},
                    {'event': 'invoice_sent', 'days_ago': 2},
                    {'event': 'task_completed', 'days_ago': 1},
                ],
                'member': false,
            },
            {
                'given': {},
                'events': [{'event': 'project_created', 'days_ago': 3}, {'event': 'invoice_sent', 'days_ago': 1}],
                'member': false,
            },
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
