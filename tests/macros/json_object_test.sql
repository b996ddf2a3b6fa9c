-- What goes into an object is what comes out of it; an object of nothing is null.
with cases as (
    select
        {{ text_literal('O\'Hara "Bo"') }} as name,
        {{ text_literal(none) }} as plan
    union all
    select
        {{ text_literal('') }} as name,
        {{ text_literal('team') }} as plan
    union all
    select
        {{ text_literal(none) }} as name,
        {{ text_literal(none) }} as plan
),

written as (
    select
        name,
        plan,
        {{ json_object({'name': 'name', 'plan': 'plan'}) }} as object
    from cases
)

select *
from written
where
    {{ json_text('object', 'name') }} is distinct from name
    or {{ json_text('object', 'plan') }} is distinct from plan
    or (object is null) is distinct from (name is null and plan is null)
