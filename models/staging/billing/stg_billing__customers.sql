{{ staging_interface('billing', 'customers') }}
