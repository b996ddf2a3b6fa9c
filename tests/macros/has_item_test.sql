-- An item is found whole, wherever it stands; no list is not an empty list.
with cases as (
    select
        'the only one' as example,
        'early_adopter' as given,
        true as expected
    union all
    select
        'the first' as example,
        'early_adopter,price_conscious' as given,
        true as expected
    union all
    select
        'in between' as example,
        'bargain_hunter,early_adopter,price_conscious' as given,
        true as expected
    union all
    select
        'the last' as example,
        'bargain_hunter,early_adopter' as given,
        true as expected
    union all
    select
        'part of another' as example,
        'very_early_adopter,early_adopters' as given,
        false as expected
    union all
    select
        'an underscore is no wildcard' as example,
        'early-adopter' as given,
        false as expected
    union all
    select
        'no list' as example,
        cast(null as {{ dbt.type_string() }}) as given,
        cast(null as boolean) as expected
),

answered as (
    select
        example,
        expected,
        {{ has_item('given', 'Early_adopter') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
