{{ staging_interface('billing', 'payments') }}
