{% macro segment__hired_for_invoicing() %}
    {{- return(segment(
        label='Came to send invoices',
        description='Said when they signed up that sending invoices is the job they need done.',
        type='needs',
        owner='product@tallyworks.example',
        requires=['survey'],
        conditions={
            'the job to be done is to send invoices': "c.job_to_be_done = 'send_invoices'",
        },
        max_share=0.4,
        max_change=0.3,
        purpose='Onboarding that starts with the first invoice',
        review_by='2027-06-30',
        examples=[
            {'given': {'job_to_be_done': 'send_invoices'}, 'member': true},
            {'given': {'job_to_be_done': 'track_time'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
