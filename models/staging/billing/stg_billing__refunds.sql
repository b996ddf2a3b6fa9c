{{ config(materialized='table') }}

{{ staging_interface('billing', 'refunds') }}
