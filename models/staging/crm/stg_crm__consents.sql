{{ staging_interface('crm', 'consents') }}
