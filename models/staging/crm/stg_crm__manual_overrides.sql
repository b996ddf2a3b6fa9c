{{ staging_interface('crm', 'manual_overrides') }}
