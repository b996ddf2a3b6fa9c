{{ config(materialized='state_table', post_hook="{{ indexed_on(['sync_name', 'entity_key']) }}") }}

{{ declared_columns() }}
