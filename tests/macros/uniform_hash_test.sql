-- The first 13 hexadecimal digits of the text's md5, as Python counts them.
{%- set cases = {
    '': '3731574115332107',
    'a': '224400693268251',
    'win_back|treatment|cus_1': '1965518130390109',
    'Zoë': '4420358718625743',
    "O'Hara": '4260056037230273',
} %}
with answered as (
    {%- for text, number in cases.items() %}
    select
        {{ text_literal(text) }} as given,
        {{ uniform_hash(text_literal(text)) }} as actual,
        ({{ as_double(number) }} + 0.5) / 4503599627370496 as expected
    union all
    {%- endfor %}
    select
        'a number is taken as text' as given,
        {{ uniform_hash('7') }} as actual,
        {{ uniform_hash(text_literal('7')) }} as expected
    union all
    select
        'nothing' as given,
        {{ uniform_hash(text_literal(none)) }} as actual,
        null as expected
)

select *
from answered
where actual is distinct from expected
