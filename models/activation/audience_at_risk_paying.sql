{{ audience(
    segment='at_risk_paying',
    channel='email',
    identifier='email',
    experiment='win_back_call',
    columns={
        'email': 'c.primary_email',
        'first_name': 'c.first_name',
        'plan': 'c.plan',
        'mrr': 'c.mrr',
        'last_seen_at': 'c.last_seen_at',
        'company': 'a.name',
        'arm': 'm.arm',
    },
) }}
