{{ staging_interface('crm', 'enrichment') }}
