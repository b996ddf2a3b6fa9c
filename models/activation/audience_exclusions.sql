{{ config(materialized='view') }}

with members as (
    select * from {{ ref('audience_members') }}
    where reason is not null
)

{{ select_contract('members') }}
