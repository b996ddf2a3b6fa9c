{% macro segment__teammates() %}
    {{- return(segment(
        label='Teammates who do not pay themselves',
        description='Use the product on the subscription of their company, and somebody else sees the invoice.',
        type='a_priori',
        owner='product@tallyworks.example',
        requires=['crm', 'billing', 'events'],
        conditions={
            'has no subscription of their own': 'not c.has_open_subscription',
            'the account pays': 'a.mrr > 0',
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.6,
        max_change=0.3,
        purpose='Tips inside the product; no messages about prices or invoices',
        review_by='2027-06-30',
        examples=[
            {
                'given': {'has_open_subscription': false, 'signed_up_at': days_ago(1)},
                'given_account': {'mrr': 0.01},
                'member': true,
            },
            {
                'given': {'has_open_subscription': false, 'signed_up_at': days_ago(1)},
                'given_account': {'mrr': 0},
                'member': false,
            },
            {
                'given': {'has_open_subscription': true, 'signed_up_at': days_ago(1)},
                'given_account': {'mrr': 19},
                'member': false,
            },
            {'given': {'has_open_subscription': false}, 'given_account': {'mrr': 19}, 'member': false},
            {'given': {'has_open_subscription': false, 'signed_up_at': days_ago(1)}, 'member': false},
        ],
    )) -}}
{% endmacro %}
