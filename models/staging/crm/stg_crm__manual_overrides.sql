{{ config(materialized='table') }}

{{ staging_interface('crm', 'manual_overrides') }}
