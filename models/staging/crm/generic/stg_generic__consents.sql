{{ config(enabled=is_fed_by('crm', 'consents', 'generic')) }}

{{ raw_table('generic', 'consents') }}
