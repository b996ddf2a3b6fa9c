{% macro segment__single_professionals() %}
    {{- return(segment(
        label='Single professionals',
        description='Signed up for themselves: no company stands behind them.',
        type='a_priori',
        owner='marketing@tallyworks.example',
        requires=['crm', 'events'],
        conditions={
            'belongs to no account': 'c.account_id is null',
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.7,
        max_change=0.3,
        purpose='Offers, prices and stories for people who work alone',
        review_by='2027-06-30',
        examples=[
            {'given': {'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'signed_up_at': days_ago(1), 'account_id': 'acme'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
