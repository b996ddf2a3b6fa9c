{% macro segment__high_churn_risk() %}
    {{- return(segment(
        label='High risk of churn',
        description='Pay, and several signals speak for leaving: absence, failed payments, dissatisfaction.',
        type='health',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'the risk of churn is high': "c.churn_risk_band = 'high'",
        },
        max_share=0.2,
        purpose='The weekly list of customer success; the signals are in churn_risk_signals',
        review_by='2027-03-31',
        examples=[
            {'given': {'churn_risk_band': 'high'}, 'member': true},
            {'given': {'churn_risk_band': 'medium'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
