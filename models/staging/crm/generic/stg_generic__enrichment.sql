{{ config(enabled=is_fed_by('crm', 'enrichment', 'generic')) }}

{{ raw_table('generic', 'enrichment') }}
