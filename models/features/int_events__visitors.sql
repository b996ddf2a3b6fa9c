with actor_visitors as (
    select * from {{ ref('int_events__actor_visitors') }}
)

select
    visitor,
    max(batch) as batch
from actor_visitors
where visitor <> ''
group by visitor
