{% macro segment__won_back() %}
    {{- return(segment(
        label='Won back',
        description='Stopped paying once for at least a week, and pay again today.',
        type='journey',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'pays': 'c.mrr > 0',
            'did not pay on at least 7 days since the first':
                calendar_days_since('c.first_paid_at') ~ ' - c.days_as_paying >= 7',
        },
        max_share=0.2,
        max_change=0.5,
        purpose='Interview about why they came back; closer watch in the first months',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 0.01, 'first_paid_at': days_ago(100), 'days_as_paying': 93}, 'member': true},
            {'given': {'mrr': 0.01, 'first_paid_at': days_ago(100), 'days_as_paying': 94}, 'member': false},
            {'given': {'mrr': 0, 'first_paid_at': days_ago(100), 'days_as_paying': 50}, 'member': false},
            {'given': {'mrr': 9}, 'member': false},
        ],
    )) -}}
{% endmacro %}
