{{ config(enabled=is_fed_by('crm', 'suppressions', 'generic')) }}

{{ raw_table('generic', 'suppressions') }}
