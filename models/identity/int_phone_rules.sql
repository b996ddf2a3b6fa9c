-- By country, for numbers as people write them at home; by calling code, for international ones.
with calling_codes as (
    select * from {{ ref('calling_codes') }}
)

select
    'country ' || country as lookup,
    calling_code,
    trunk_prefix,
    min_digits,
    max_digits
from calling_codes

union all

select
    'code ' || calling_code as lookup,
    calling_code,
    cast(null as {{ dbt.type_string() }}) as trunk_prefix,
    min(min_digits) as min_digits,
    max(max_digits) as max_digits
from calling_codes
group by calling_code
