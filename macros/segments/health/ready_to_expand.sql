{% macro segment__ready_to_expand() %}
    {{- return(segment(
        label='People who are ready for more',
        description='Pay, and several signals speak for buying more: power use, growth, breadth, recommendation.',
        type='health',
        owner='sales@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'signals of expansion are high': 'c.expansion_score >= 5',
        },
        max_share=0.3,
        purpose='Offer of the next plan; the signals are in expansion_signals',
        review_by='2027-06-30',
        examples=[
            {'given': {'expansion_score': 5}, 'member': true},
            {'given': {'expansion_score': 4.99}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
