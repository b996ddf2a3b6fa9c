{{ staging_interface('crm', 'merges') }}
