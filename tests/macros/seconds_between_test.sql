-- Whole seconds, over days and months too.
with cases as (
    select
        timestamp '2026-01-01 10:00:00' as earlier,
        timestamp '2026-01-01 10:00:00' as later,
        0 as expected
    union all
    select
        timestamp '2026-01-01 10:00:00.9' as earlier,
        timestamp '2026-01-01 10:00:01.8' as later,
        0 as expected
    union all
    select
        timestamp '2026-01-01 10:00:00.5' as earlier,
        timestamp '2026-01-01 10:01:00.5' as later,
        60 as expected
    union all
    select
        timestamp '2026-01-31 23:59:59' as earlier,
        timestamp '2026-03-01 00:00:00' as later,
        2419201 as expected
    union all
    select
        cast(null as timestamp) as earlier,
        timestamp '2026-01-01 10:00:00' as later,
        cast(null as integer) as expected
),

answered as (
    select
        earlier,
        later,
        expected,
        {{ seconds_between('earlier', 'later') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
