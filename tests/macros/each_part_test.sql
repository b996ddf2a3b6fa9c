-- Every part of a list, trimmed; nothing of a list that is null or holds only blanks.
with cases as (
    select
        'three' as given,
        'a; b;c ' as items,
        'a b c' as expected
    union all
    select
        'one' as given,
        '123' as items,
        '123' as expected
    union all
    select
        'gaps' as given,
        ';a;; ;b;' as items,
        'a b' as expected
    union all
    select
        'none' as given,
        cast(null as {{ dbt.type_string() }}) as items,
        cast(null as {{ dbt.type_string() }}) as expected
    union all
    select
        'blank' as given,
        ' ' as items,
        cast(null as {{ dbt.type_string() }}) as expected
),

split_up as (
    select
        cases.given,
        {{ dbt.listagg('parts.part', "' '", 'order by parts.part') }} as actual
    from cases
    {{ each_part('cases.items', ';') }}
    group by cases.given
)

select
    cases.given,
    cases.expected,
    split_up.actual
from cases
left join split_up on cases.given = split_up.given
where split_up.actual is distinct from cases.expected
