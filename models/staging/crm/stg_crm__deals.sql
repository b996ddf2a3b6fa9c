{{ config(materialized='table') }}

{{ staging_interface('crm', 'deals', derived={
    'is_won': known_since('is_won', 'closed_at'),
}) }}
