{{ config(materialized='state_table', post_hook="{{ indexed_on(['sync_name'], unique=true) }}") }}

{{ declared_columns() }}
