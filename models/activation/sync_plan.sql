{{ config(materialized='state_table', post_hook="{{ indexed_on(['sync_name', 'position']) }}") }}

{{ declared_columns() }}
