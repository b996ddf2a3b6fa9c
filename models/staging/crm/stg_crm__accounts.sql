{{ staging_interface('crm', 'accounts') }}
