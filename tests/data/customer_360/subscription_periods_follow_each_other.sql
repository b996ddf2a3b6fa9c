-- Neither overlap nor gap: a period ends where the next one of its subscription begins.
with ordered as (
    select
        subscription_id,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by subscription_id order by valid_from) as next_from
    from {{ ref('fct_subscription_periods') }}
)

select *
from ordered
where next_from is not null and valid_to is distinct from next_from
