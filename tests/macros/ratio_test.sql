-- Half is rounded up, also where it is less than half in binary.
with cases as (
    select
        7830 as numerator,
        3600 as denominator,
        cast(2.18 as decimal(18, 2)) as expected
    union all
    select
        1 as numerator,
        3 as denominator,
        cast(0.33 as decimal(18, 2)) as expected
    union all
    select
        2 as numerator,
        3 as denominator,
        cast(0.67 as decimal(18, 2)) as expected
    union all
    select
        0 as numerator,
        3 as denominator,
        cast(0 as decimal(18, 2)) as expected
    union all
    select
        5 as numerator,
        0 as denominator,
        cast(null as decimal(18, 2)) as expected
),

answered as (
    select
        numerator,
        denominator,
        expected,
        {{ ratio('numerator', 'denominator', 2) }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
