{{ config(
    materialized='state_table',
    post_hook='create unique index if not exists one_lease_per_sync on {{ this }} (sync_name)'
) }}

{{ declared_columns() }}
