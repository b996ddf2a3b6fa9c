-- Only the dates count: a second before the day of the instant is a day ago.
{%- set midnight = 'cast(cast(' ~ as_of() ~ ' as date) as timestamp)' %}
with cases as (
    select
        'the first second of the day' as example,
        {{ midnight }} as given,
        0 as expected
    union all
    select
        'the last second of the day' as example,
        {{ midnight }} + interval '1' day - interval '1' second as given,
        0 as expected
    union all
    select
        'at the instant' as example,
        {{ as_of() }} as given,
        0 as expected
    union all
    select
        'a second before the day' as example,
        {{ midnight }} - interval '1' second as given,
        1 as expected
    union all
    select
        'thirty days ago at midnight' as example,
        {{ midnight }} - interval '30' day as given,
        30 as expected
    union all
    select
        'tomorrow' as example,
        {{ midnight }} + interval '1' day as given,
        -1 as expected
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
        {{ calendar_days_since('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
