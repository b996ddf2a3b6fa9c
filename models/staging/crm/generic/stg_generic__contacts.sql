{{ config(enabled=is_fed_by('crm', 'contacts', 'generic')) }}

{{ raw_table('generic', 'contacts') }}
