-- The order of the rows does not matter, and every other set has another digest.
with members as (
    select
        'one way' as set_name,
        'b' as member,
        1 as position
    union all
    select 'one way' as set_name, 'a' as member, 2 as position
    union all
    select 'the other way' as set_name, 'a' as member, 1 as position
    union all
    select 'the other way' as set_name, 'b' as member, 2 as position
    union all
    select 'one member' as set_name, 'a' as member, 1 as position
    union all
    select 'another member' as set_name, 'ab' as member, 1 as position
    union all
    select 'one more' as set_name, 'a' as member, 1 as position
    union all
    select 'one more' as set_name, 'b' as member, 2 as position
    union all
    select 'one more' as set_name, 'c' as member, 3 as position
),

digests as (
    select
        set_name,
        {{ set_digest('member') }} as digest
    from members
    group by set_name
)

select
    digests.set_name,
    others.set_name as other_name
from digests
cross join digests as others
where
    digests.set_name < others.set_name
    and (digests.digest = others.digest)
    <> (digests.set_name = 'one way' and others.set_name = 'the other way')
