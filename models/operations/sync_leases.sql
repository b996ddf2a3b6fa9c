{{ config(materialized='state_table', post_hook="{{ keyed_by(['sync_name'], small=true) }}") }}

{{ declared_columns() }}
