{{ config(enabled=is_fed_by('support', 'tickets', 'generic')) }}

{{ raw_table('generic', 'tickets') }}
