-- Hours with two decimals, whatever the time of day.
with cases as (
    select
        'a day and a half' as example,
        {{ as_of() }} - interval '36' hour as given,
        cast(36 as decimal(18, 2)) as expected
    union all
    select
        'a quarter of an hour' as example,
        {{ as_of() }} - interval '15' minute as given,
        cast(0.25 as decimal(18, 2)) as expected
    union all
    select
        'half an hour after the instant' as example,
        {{ as_of() }} + interval '30' minute as given,
        cast(-0.5 as decimal(18, 2)) as expected
    union all
    select
        'no time' as example,
        cast(null as timestamp) as given,
        cast(null as decimal(18, 2)) as expected
),

answered as (
    select
        example,
        expected,
        {{ hours_since('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
