-- SHA-256 of the address in lower case (FIPS 180-4; expected values by Python's hashlib).
with cases as (
    {%- set addresses = {
        ' Ann@Example.COM ': '71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476',
        'zoë@example.com': '5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767',
    } %}
    {%- for given, expected in addresses.items() %}
    select
        {{ text_literal(given) }} as given,
        {{ text_literal(expected) }} as expected
    union all
    {%- endfor %}
    select
        {{ text_literal(none) }} as given,
        {{ text_literal(none) }} as expected
),

answered as (
    select
        given,
        expected,
        {{ hashed_email('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
