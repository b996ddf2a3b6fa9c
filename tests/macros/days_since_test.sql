-- Whole periods of 24 hours, rounded down on both sides of the instant.
with cases as (
    select
        'fourteen days to the second' as example,
        {{ as_of() }} - interval '14' day as given,
        14 as expected
    union all
    select
        'a second less than fourteen days' as example,
        {{ as_of() }} - interval '14' day + interval '1' second as given,
        13 as expected
    union all
    select
        'a second more than fourteen days' as example,
        {{ as_of() }} - interval '14' day - interval '1' second as given,
        14 as expected
    union all
    select
        'at the instant' as example,
        {{ as_of() }} as given,
        0 as expected
    union all
    select
        'a second after the instant' as example,
        {{ as_of() }} + interval '1' second as given,
        -1 as expected
    union all
    select
        'ten years, leap days included' as example,
        {{ as_of() }} - interval '3653' day as given,
        3653 as expected
    union all
    select
        'no time' as example,
        cast(null as timestamp) as given,
        cast(null as integer) as expected
),

answered as (
    select
        example,
        expected,
        {{ days_since('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
