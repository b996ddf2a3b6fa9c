-- The value of a top-level key as text; null wherever there is none to be had.
with cases as (
    {%- set objects = {
        '{"user_id": "u1"}': 'u1',
        ' {"plan": "team", "user_id": "u2"} ': 'u2',
        '{"user_id": "O\'Hara \\"Bo\\""}': 'O\'Hara "Bo"',
        '{"user_id": 12}': '12',
        '{"user_id": true}': 'true',
        '{"user_id": ""}': '',
        '{"user_id": null}': none,
        '{"USER_ID": "u3"}': none,
        '{"nested": {"user_id": "u4"}}': none,
        '{}': none,
        '[1, 2]': none,
        '"user_id"': none,
        'user_id': none,
        '': none,
    } %}
    {%- for given, expected in objects.items() %}
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
        {{ json_text('given', 'user_id') }} as actual
    from cases
    union all
    select
        'a key with a dot' as given,
        'u5' as expected,
        {{ json_text(text_literal('{"user.id": "u5", "user": {"id": "u6"}}'), 'user.id') }} as actual
)

select *
from answered
where actual is distinct from expected
