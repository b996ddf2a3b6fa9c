{% macro segment__newly_signed_up() %}
    {{- return(segment(
        label='Newly signed up',
        description='Signed up in the last 14 days.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['events'],
        conditions={
            'signed up in the last 14 days': within_last('c.signed_up_at', 14),
        },
        max_share=0.3,
        purpose='Welcome series by e-mail',
        review_by='2027-06-30',
        examples=[
            {'given': {'signed_up_at': days_ago(0)}, 'member': true},
            {'given': {'signed_up_at': days_ago(13)}, 'member': true},
            {'given': {'signed_up_at': days_ago(14)}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
