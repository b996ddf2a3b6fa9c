{{ config(materialized='table') }}

{{ staging_interface('support', 'tickets', derived={
    'status': known_since('status', 'solved_at', instead="'open'"),
    'csat_score': known_since('csat_score', 'solved_at'),
}) }}
