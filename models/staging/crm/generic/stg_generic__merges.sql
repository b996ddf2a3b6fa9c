{{ config(enabled=is_fed_by('crm', 'merges', 'generic')) }}

{{ raw_table('generic', 'merges') }}
