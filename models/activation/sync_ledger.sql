{{ config(materialized='state_table', post_hook="{{ keyed_by(['sync_name', 'entity_key']) }}") }}

{{ declared_columns() }}
