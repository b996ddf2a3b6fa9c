{{ config(enabled=is_fed_by('billing', 'customers', 'generic')) }}

{{ raw_table('generic', 'customers') }}
