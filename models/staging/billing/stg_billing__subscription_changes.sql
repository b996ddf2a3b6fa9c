{{ staging_interface('billing', 'subscription_changes') }}
