-- Hours with two decimals, rounded half up: 18 seconds are 0.005 hours.
with cases as (
    select
        'a day and a half' as example,
        timestamp '2026-06-01 00:00:00' as began,
        timestamp '2026-06-02 12:00:00' as ended,
        cast(36 as decimal(18, 2)) as expected
    union all
    select
        'just under half a hundredth' as example,
        timestamp '2026-06-01 00:00:00' as began,
        timestamp '2026-06-01 00:00:17' as ended,
        cast(0 as decimal(18, 2)) as expected
    union all
    select
        'half a hundredth' as example,
        timestamp '2026-06-01 00:00:00' as began,
        timestamp '2026-06-01 00:00:18' as ended,
        cast(0.01 as decimal(18, 2)) as expected
    union all
    select
        'across the end of daylight saving time' as example,
        timestamp '2026-10-24 22:00:00' as began,
        timestamp '2026-10-25 22:20:00' as ended,
        cast(24.33 as decimal(18, 2)) as expected
    union all
    select
        'no time at all' as example,
        timestamp '2026-06-01 00:00:00' as began,
        timestamp '2026-06-01 00:00:00' as ended,
        cast(0 as decimal(18, 2)) as expected
    union all
    select
        'the end comes first' as example,
        timestamp '2026-06-01 00:00:01' as began,
        timestamp '2026-06-01 00:00:00' as ended,
        cast(null as decimal(18, 2)) as expected
    union all
    select
        'no end' as example,
        timestamp '2026-06-01 00:00:00' as began,
        cast(null as timestamp) as ended,
        cast(null as decimal(18, 2)) as expected
),

answered as (
    select
        example,
        expected,
        {{ hours_between('began', 'ended') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
