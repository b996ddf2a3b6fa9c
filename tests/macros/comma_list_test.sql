-- Lists are compared item by item, however people wrote them.
with cases as (
    select
        'order, letters, blanks and repeats' as example,
        ' Travel,design ,travel' as given,
        'design,travel' as expected
    union all
    select
        'semicolons' as example,
        'b; a;b' as given,
        'a,b' as expected
    union all
    select
        'blanks within an item' as example,
        'remote work,art' as given,
        'art,remote work' as expected
    union all
    select
        'empty items' as example,
        ',,a,' as given,
        'a' as expected
    union all
    select
        'an underscore sorts by its code point' as example,
        'a_b,ab,a b' as given,
        'a b,a_b,ab' as expected
    union all
    select
        'nothing but commas' as example,
        ', ;' as given,
        cast(null as {{ dbt.type_string() }}) as expected
    union all
    select
        'no text' as example,
        cast(null as {{ dbt.type_string() }}) as given,
        cast(null as {{ dbt.type_string() }}) as expected
),

answered as (
    select
        example,
        expected,
        {{ comma_list('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
