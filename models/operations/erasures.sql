{{ config(materialized='state_table') }}

{{ declared_columns() }}
