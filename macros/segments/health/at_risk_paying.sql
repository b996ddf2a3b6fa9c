{% macro segment__at_risk_paying() %}
    {{- return(segment(
        label='Paying but drifting away',
        description='Paying customers who used the product on at most two of the last 28 days.',
        type='health',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'pays': 'c.mrr > 0',
            'active on at most 2 of the last 28 days': 'c.active_days_last_28 <= 2',
        },
        max_share=0.4,
        purpose='Check-in by customer success',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 9, 'active_days_last_28': 2}, 'member': true},
            {'given': {'mrr': 9, 'active_days_last_28': 3}, 'member': false},
            {'given': {'mrr': 0, 'active_days_last_28': 0}, 'member': false},
            {'given': {'mrr': 9}, 'member': false},
        ],
    )) -}}
{% endmacro %}
