-- A stay that began in the window counts, ended since or not. One that began at the instant
-- was published by this run or by an earlier one of the same instant: it does not count yet.
{%- set probe = {'entity': 'customer'} %}
with cases as (
    select
        'at the start' as entity_id,
        {{ as_of() }} - interval '7' day as valid_from,
        false as expected
    union all
    select
        'a second after the start' as entity_id,
        {{ as_of() }} - interval '7' day + interval '1' second as valid_from,
        true as expected
    union all
    select
        'a second before the instant' as entity_id,
        {{ as_of() }} - interval '1' second as valid_from,
        true as expected
    union all
    select
        'at the instant' as entity_id,
        {{ as_of() }} as valid_from,
        false as expected
    union all
    select
        'never' as entity_id,
        cast(null as timestamp) as valid_from,
        false as expected
),

stays as (
    select
        entity_id,
        valid_from
    from cases
    where valid_from is not null
),

answered as (
    select
        c.entity_id as example,
        c.expected,
        {{ resolve_markers(
            entered_within('probe', 7).replace('__subject__', 'c.entity_id'), probe, relations={'stays_of:probe': 'stays'}
        ) }} as actual
    from cases as c
)

select *
from answered
where actual is distinct from expected
