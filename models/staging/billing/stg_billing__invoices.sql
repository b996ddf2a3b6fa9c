{{ config(materialized='table') }}

{{ staging_interface('billing', 'invoices', derived={
    'status': known_since('status', 'paid_at', instead="'open'"),
}) }}
