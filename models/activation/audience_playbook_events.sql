{{ segment_events(
    segments=['at_risk_paying', 'payment_failed', 'trial_ending_active', 'product_qualified_leads'],
    days=7,
) }}
