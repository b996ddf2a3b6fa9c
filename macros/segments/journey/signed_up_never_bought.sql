{% macro segment__signed_up_never_bought() %}
    {{- return(segment(
        label='Signed up, never bought',
        description='Signed up more than 14 days ago and has not paid anything yet.',
        type='journey',
        owner='growth@tallyworks.example',
        requires=['events', 'billing'],
        conditions={
            'signed up more than 14 days ago': days_since('c.signed_up_at') ~ ' > 14',
            'has never paid': 'c.lifetime_revenue <= 0 and c.mrr = 0',
            'is not on trial': 'not c.is_trialing',
        },
        max_share=0.7,
        purpose='Activation campaign',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'signed_up_at': days_ago(15), 'lifetime_revenue': 0, 'mrr': 0, 'is_trialing': false},
                'member': true,
            },
            {
                'given': {'signed_up_at': days_ago(14), 'lifetime_revenue': 0, 'mrr': 0, 'is_trialing': false},
                'member': false,
            },
            {
                'given': {'signed_up_at': days_ago(15), 'lifetime_revenue': 9, 'mrr': 0, 'is_trialing': false},
                'member': false,
            },
            {
                'given': {'signed_up_at': days_ago(15), 'lifetime_revenue': 0, 'mrr': 0, 'is_trialing': true},
                'member': false,
            },
            {
                'given': {'signed_up_at': days_ago(15), 'lifetime_revenue': 0, 'mrr': 0.01, 'is_trialing': false},
                'member': false,
            },
            {'given': {'lifetime_revenue': 0, 'mrr': 0, 'is_trialing': false}, 'member': false},
        ],
    )) -}}
{% endmacro %}
