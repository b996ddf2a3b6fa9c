{{ staging_interface('billing', 'refunds') }}
