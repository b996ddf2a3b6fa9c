-- What a number looks like in E.164, by the country that it was written in.
with cases as (
    {%- for number, country, expected in [
        ('+49 30 901820', none, '+4930901820'),
        ('0049 (0)30 / 90-18-20', none, '+4930901820'),
        ('(030) 90 18 20', 'DE', '+4930901820'),
        ('30 901820', 'de ', '+4930901820'),
        ('020 7183 8750', 'GB', '+442071838750'),
        ('(201) 555-0123', 'US', '+12015550123'),
        ('1-201-555-0123', 'US', '+12015550123'),
        ('06 20 123 4567', 'HU', '+36201234567'),
        ('06 6981 2345', 'IT', '+390669812345'),
        ('8 (912) 345-67-89', 'RU', '+79123456789'),
        ('+44 20 7183 8750', 'DE', '+442071838750'),
        ('030 901820', none, none),
        ('030 901820', 'XX', none),
        ('030 901820 ext. 7', 'DE', none),
        ('12', 'DE', none),
        ('201 555 012', 'US', none),
        ('+1 201 555 01234', 'US', none),
        ('+999 30 901820', none, none),
        ('+', none, none),
        ('', 'DE', none),
        (none, 'DE', none),
    ] %}
    select
        {{ text_literal(number) }} as given,
        {{ text_literal(country) }} as country,
        {{ text_literal(expected) }} as expected
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

answered as (
    select
        cases.given,
        cases.country,
        cases.expected,
        {{ normalise_phone('cases.given', 'cases.country') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected
