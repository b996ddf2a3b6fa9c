{% macro segment__valuable_and_drifting() %}
    {{- return(segment(
        label='Valuable and drifting away',
        description='Among the top tenth by predicted value, and hardly using what they pay for.',
        type='health',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'is in the top tenth by predicted value': in_segment('top_tenth_by_predicted_value'),
            'pays and is drifting away': in_segment('at_risk_paying'),
        },
        max_share=0.05,
        purpose='A call this week by the person who knows them best',
        review_by='2027-03-31',
        examples=[
            {'given': {}, 'in': ['top_tenth_by_predicted_value', 'at_risk_paying'], 'member': true},
            {'given': {}, 'in': ['top_tenth_by_predicted_value'], 'member': false},
            {'given': {}, 'in': ['at_risk_paying'], 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
