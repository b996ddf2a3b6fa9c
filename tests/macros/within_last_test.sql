-- The window is open at its start and closed at its end, the instant.
with cases as (
    select
        'at the start' as example,
        {{ as_of() }} - interval '7' day as given,
        false as expected
    union all
    select
        'a second after the start' as example,
        {{ as_of() }} - interval '7' day + interval '1' second as given,
        true as expected
    union all
    select
        'at the instant' as example,
        {{ as_of() }} as given,
        true as expected
    union all
    select
        'a second after the instant' as example,
        {{ as_of() }} + interval '1' second as given,
        false as expected
    union all
    select
        'no time' as example,
        cast(null as timestamp) as given,
        cast(null as boolean) as expected
),

answered as (
    select
        example,
        expected,
        {{ within_last('given', 7) }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
