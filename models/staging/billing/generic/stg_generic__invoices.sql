{{ config(enabled=is_fed_by('billing', 'invoices', 'generic')) }}

{{ raw_table('generic', 'invoices') }}
