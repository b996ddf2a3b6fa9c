{{ audience(
    segment='champions',
    channel='email',
    identifier='email',
    columns={
        'email': 'c.primary_email',
        'first_name': 'c.first_name',
        'last_name': 'c.last_name',
        'plan': 'c.plan',
        'lifetime_revenue': 'c.lifetime_revenue',
    },
) }}
