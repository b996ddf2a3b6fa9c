{% macro segment__dissatisfied() %}
    {{- return(segment(
        label='Dissatisfied',
        description='Answered 3 or less in a CSAT survey of the last 90 days.',
        type='survey',
        owner='support@tallyworks.example',
        requires=['survey'],
        conditions={
            'last CSAT answer is 3 or less': 'c.csat_last <= 3',
            'answered in the last 90 days': within_last('c.csat_responded_at', 90),
        },
        max_share=0.3,
        purpose='Personal follow-up by support',
        review_by='2027-06-30',
        examples=[
            {'given': {'csat_last': 3, 'csat_responded_at': days_ago(1)}, 'member': true},
            {'given': {'csat_last': 4, 'csat_responded_at': days_ago(1)}, 'member': false},
            {'given': {'csat_last': 1, 'csat_responded_at': days_ago(90)}, 'member': false},
            {'given': {'csat_responded_at': days_ago(1)}, 'member': false},
            {'given': {'csat_last': 3, 'csat_responded_at': days_ago(89)}, 'member': true},
        ],
    )) -}}
{% endmacro %}
