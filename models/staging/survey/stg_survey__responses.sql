{{ config(materialized='table') }}

{{ staging_interface('survey', 'responses') }}
