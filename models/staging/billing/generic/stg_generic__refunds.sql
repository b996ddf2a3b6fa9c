{{ config(enabled=is_fed_by('billing', 'refunds', 'generic')) }}

{{ raw_table('generic', 'refunds') }}
