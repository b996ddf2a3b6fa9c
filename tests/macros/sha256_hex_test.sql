-- The test vectors of FIPS 180-4 for a short message and the empty one.
with cases as (
    select
        {{ text_literal('abc') }} as given,
        {{ text_literal('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad') }} as expected
    union all
    select
        {{ text_literal('') }} as given,
        {{ text_literal('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855') }} as expected
    union all
    select
        {{ text_literal(none) }} as given,
        {{ text_literal(none) }} as expected
),

answered as (
    select
        given,
        expected,
        {{ sha256_hex('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
