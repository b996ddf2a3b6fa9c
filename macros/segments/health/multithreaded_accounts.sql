{% macro segment__multithreaded_accounts() %}
    {{- return(segment(
        label='Accounts with several champions',
        description='Paying companies with at least two power users: the account does not hang on one person.',
        type='health',
        entity='account',
        owner='success@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'pays': 'a.mrr > 0',
            'has at least 2 power users': 'a.champion_count >= 2',
        },
        max_share=0.4,
        purpose='Reference customers; compare with accounts that hang on one person',
        review_by='2027-06-30',
        examples=[
            {'given': {'mrr': 0.01, 'champion_count': 2}, 'member': true},
            {'given': {'mrr': 0.01, 'champion_count': 1}, 'member': false},
            {'given': {'mrr': 0, 'champion_count': 2}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}
