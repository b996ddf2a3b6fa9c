{{ config(enabled=is_fed_by('billing', 'subscriptions', 'generic')) }}

{{ raw_table('generic', 'subscriptions') }}
