-- Seven whole days, the last of them as_of_date(): no more and no fewer.
{%- set last_midnight = 'cast(' ~ as_of_date() ~ ' as timestamp)' %}
with cases as (
    select
        'the first second of the first day' as example,
        {{ last_midnight }} - interval '6' day as given,
        true as expected
    union all
    select
        'the second before it' as example,
        {{ last_midnight }} - interval '6' day - interval '1' second as given,
        false as expected
    union all
    select
        'the last second of the last day' as example,
        {{ last_midnight }} + interval '1' day - interval '1' second as given,
        true as expected
    union all
    select
        'the first second after it' as example,
        {{ last_midnight }} + interval '1' day as given,
        false as expected
    union all
    select
        'a second before the instant' as example,
        {{ as_of() }} - interval '1' second as given,
        true as expected
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
        {{ calendar_window('given', 7) }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
