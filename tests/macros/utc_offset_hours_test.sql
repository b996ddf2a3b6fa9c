-- Whole, half and quarter hours; Berlin is two hours ahead in summer and one in winter.
with cases as (
    select
        'Asia/Kolkata' as given,
        cast(5.5 as decimal(4, 2)) as expected
    union all
    select
        'Asia/Kathmandu' as given,
        cast(5.75 as decimal(4, 2)) as expected
    union all
    select
        'America/Sao_Paulo' as given,
        cast(-3 as decimal(4, 2)) as expected
    union all
    select
        'UTC' as given,
        cast(0 as decimal(4, 2)) as expected
    union all
    select
        'Europe/Berlin' as given,
        case
            when
                {{ as_of() }} >= timestamp '2026-03-29 01:00:00'
                and {{ as_of() }} < timestamp '2026-10-25 01:00:00'
                then cast(2 as decimal(4, 2))
            else cast(1 as decimal(4, 2))
        end as expected
    union all
    select
        cast(null as {{ dbt.type_string() }}) as given,
        cast(null as decimal(4, 2)) as expected
),

answered as (
    select
        given,
        expected,
        {{ utc_offset_hours('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
