-- Both ends are in; what is unknown is neither in nor out.
with cases as (
    select
        'at the low end' as example,
        cast(2.5 as decimal(4, 2)) as score,
        true as expected
    union all
    select
        'just below it' as example,
        cast(2.49 as decimal(4, 2)) as score,
        false as expected
    union all
    select
        'at the high end' as example,
        cast(7 as decimal(4, 2)) as score,
        true as expected
    union all
    select
        'just above it' as example,
        cast(7.01 as decimal(4, 2)) as score,
        false as expected
    union all
    select
        'unknown' as example,
        cast(null as decimal(4, 2)) as score,
        cast(null as boolean) as expected
),

answered as (
    select
        c.example,
        c.expected,
        {{ score_between('c.score', 2.5, 7) }} as actual
    from cases as c
)

select *
from answered
where actual is distinct from expected
