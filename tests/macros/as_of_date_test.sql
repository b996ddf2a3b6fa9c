-- The last day that had begun before the instant. At midnight it is the day that just ended.
with answered as (
    select
        {{ as_of() }} as instant,
        {{ as_of_date() }} as actual
)

select *
from answered
where
    actual is null
    or cast(actual as timestamp) >= instant
    or cast(actual as timestamp) + interval '1' day < instant
