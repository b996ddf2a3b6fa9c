{{ config(materialized='state_table', post_hook="{{ keyed_by(['sync_name', 'position']) }}") }}

{{ declared_columns() }}
