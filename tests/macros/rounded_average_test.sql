-- Halves are rounded up on every engine, and nothing has no mean.
with given as (
    select
        'a half' as example,
        cast(79.86 as decimal(18, 2)) as given
    union all
    select
        'a half' as example,
        cast(79.87 as decimal(18, 2)) as given
    union all
    select
        'a third' as example,
        cast(1 as decimal(18, 2)) as given
    union all
    select
        'a third' as example,
        cast(1.01 as decimal(18, 2)) as given
    union all
    select
        'a third' as example,
        cast(1 as decimal(18, 2)) as given
    union all
    select
        'nulls do not count' as example,
        cast(4 as decimal(18, 2)) as given
    union all
    select
        'nulls do not count' as example,
        cast(null as decimal(18, 2)) as given
    union all
    select
        'nothing' as example,
        cast(null as decimal(18, 2)) as given
),

expected as (
    select
        'a half' as example,
        cast(79.87 as decimal(18, 2)) as expected
    union all
    select
        'a third' as example,
        cast(1 as decimal(18, 2)) as expected
    union all
    select
        'nulls do not count' as example,
        cast(4 as decimal(18, 2)) as expected
    union all
    select
        'nothing' as example,
        cast(null as decimal(18, 2)) as expected
),

answered as (
    select
        example,
        {{ rounded_average('given') }} as actual
    from given
    group by example
)

select
    expected.example,
    expected.expected,
    answered.actual
from expected
left join answered on expected.example = answered.example
where answered.actual is distinct from expected.expected
