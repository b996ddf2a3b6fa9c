{{ config(enabled=is_fed_by('survey', 'responses', 'generic')) }}

{{ raw_table('generic', 'survey_responses') }}
