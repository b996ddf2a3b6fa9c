{{ config(enabled=is_fed_by('billing', 'payments', 'generic')) }}

{{ raw_table('generic', 'payments') }}
