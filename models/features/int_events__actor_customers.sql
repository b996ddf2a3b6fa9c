{{ config(materialized='view') }}

with actor_visitors as (
    select * from {{ ref('int_events__actor_visitors') }}
)

select
    actor_id,
    customer_id,
    anonymous_id,
    first_known_at,
    counts_from_on
from actor_visitors
where is_current
