{{ config(enabled=is_fed_by('crm', 'manual_overrides', 'generic')) }}

{{ raw_table('generic', 'manual_overrides') }}
