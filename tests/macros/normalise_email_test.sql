-- Only what can be an address is an identifier; dots and plus tags tell people apart.
with cases as (
    {%- set addresses = {
        ' Ann@Example.COM ': 'ann@example.com',
        'ann.lee+crm@example.co.uk': 'ann.lee+crm@example.co.uk',
        'a@b.c': 'a@b.c',
        '': none,
        ' ': none,
        'ann': none,
        'ann@example': none,
        'ann@example.': none,
        'ann@.com': none,
        '@example.com': none,
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
        {{ normalise_email('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
