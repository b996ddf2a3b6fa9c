{% macro segment__top_tenth_by_predicted_value() %}
    {%- set nine_others = [
        {'predicted_value': 10}, {'predicted_value': 20}, {'predicted_value': 30},
        {'predicted_value': 40}, {'predicted_value': 50}, {'predicted_value': 60},
        {'predicted_value': 70}, {'predicted_value': 80}, {'predicted_value': 90},
    ] -%}
    {{- return(segment(
        label='Top tenth by predicted value',
        description='Of those whose future value can be predicted, the tenth with the most.',
        type='value',
        owner='success@tallyworks.example',
        requires=['billing'],
        conditions={
            'the predicted value is among the largest tenth': top_share('c.predicted_value', 0.1),
        },
        max_share=0.12,
        max_change=0.3,
        purpose='Budget for keeping them: visits, early talks about renewal',
        review_by='2027-06-30',
        examples=[
            {'given': {'predicted_value': 100}, 'others': nine_others, 'member': true},
            {'given': {'predicted_value': 90}, 'others': nine_others, 'member': true},
            {'given': {'predicted_value': 89.99}, 'others': nine_others, 'member': false},
            {'given': {}, 'others': nine_others, 'member': false},
        ],
    )) -}}
{% endmacro %}
