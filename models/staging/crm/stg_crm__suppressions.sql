{{ config(materialized='table') }}

{{ staging_interface('crm', 'suppressions') }}
