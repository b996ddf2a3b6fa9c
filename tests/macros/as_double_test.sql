-- Bits of an integer and of a fraction that four bytes do not hold.
with answered as (
    select
        {{ as_double('4503599627370497') }} - {{ as_double('4503599627370496') }} as actual,
        1 as expected
    union all
    select
        ({{ as_double('0.1') }} * 10 - 1) * 1000000000000 as actual,
        0 as expected
    union all
    select
        {{ as_double('null') }} as actual,
        null as expected
)

select *
from answered
where (actual is null) <> (expected is null) or abs(actual - expected) > 0.01
