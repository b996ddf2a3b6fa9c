-- What is written is what the engine reads. Characters that need escaping somewhere are
-- put together from their code points.
with answered as (
    select
        'a quote' as example,
        {{ text_literal("O'Hara") }} as actual,
        'O' || chr(39) || 'Hara' as expected
    union all
    select
        'quotes at the ends' as example,
        {{ text_literal("''") }} as actual,
        chr(39) || chr(39) as expected
    union all
    select
        'a double quote' as example,
        {{ text_literal('"') }} as actual,
        chr(34) as expected
    union all
    select
        'a backslash' as example,
        {{ text_literal('a\\n') }} as actual,
        'a' || chr(92) || 'n' as expected
    union all
    select
        'a line break' as example,
        {{ text_literal('a\nb') }} as actual,
        'a' || chr(10) || 'b' as expected
    union all
    select
        'a per cent sign' as example,
        {{ text_literal('100%s') }} as actual,
        '100' || chr(37) || 's' as expected
    union all
    select
        'a letter beyond ASCII' as example,
        {{ text_literal('Zoë') }} as actual,
        'Zo' || chr(235) as expected
    union all
    select
        'an end of a statement' as example,
        {{ text_literal("'; --") }} as actual,
        chr(39) || chr(59) || ' ' || chr(45) || chr(45) as expected
    union all
    select
        'nothing' as example,
        {{ text_literal('') }} as actual,
        '' as expected
    union all
    select
        'a number' as example,
        {{ text_literal(7) }} as actual,
        '7' as expected
    union all
    select
        'none' as example,
        {{ text_literal(none) }} as actual,
        null as expected
)

select *
from answered
where actual is distinct from expected
