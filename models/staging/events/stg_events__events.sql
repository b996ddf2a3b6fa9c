{#- A table: identity, sessions and features each read it, and none should deduplicate
    the raw events again. -#}
{{ config(materialized='table') }}

{{ staging_interface('events', 'events') }}
