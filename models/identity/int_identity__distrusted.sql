{{ config(materialized='view') }}

with nodes as (
    select * from {{ ref('int_identity__nodes') }}
)

select
    node,
    identifier_type,
    identifier_value,
    reason
from nodes
where is_current and reason is not null
