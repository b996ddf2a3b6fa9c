{{ config(enabled=is_fed_by('crm', 'deals', 'generic')) }}

{{ raw_table('generic', 'deals') }}
