{{ config(materialized='table') }}

-- The dates of a change are compared with its subscription's.
-- depends_on: {{ ref('stg_billing__subscriptions') }}

{{ staging_interface('billing', 'subscription_changes') }}
