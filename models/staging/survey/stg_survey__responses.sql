{{ staging_interface('survey', 'responses') }}
