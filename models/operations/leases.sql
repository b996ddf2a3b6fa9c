{{ config(materialized='state_table', post_hook="{{ indexed_on(['lease_name'], unique=true) }}") }}

{{ declared_columns() }}
