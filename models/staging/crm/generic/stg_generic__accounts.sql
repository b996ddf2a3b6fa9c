{{ config(enabled=is_fed_by('crm', 'accounts', 'generic')) }}

{{ raw_table('generic', 'accounts') }}
