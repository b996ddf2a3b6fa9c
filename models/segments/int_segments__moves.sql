-- Members whose identity was merged or split since their segment was last published, with
-- the candidate who stands for them now. Their stays move: nobody entered or left.
with members_before as (
    select
        history.segment_id,
        history.entity,
        history.entity_id,
        history.valid_from,
        coalesce(history.entered_at, history.valid_from) as entered_at
    from {{ published_history() }} as history
    where history.valid_from < {{ as_of() }} and (history.valid_to is null or history.valid_to >= {{ as_of() }})
),

last_published as (
    select
        segment_id,
        max(as_of) as published_at
    from {{ published_verdicts() }} as verdicts
    where verdict = 'publish' and as_of < {{ as_of() }}
    group by segment_id
),

moved as (
    select
        members.segment_id,
        members.entity,
        members.entity_id as from_entity_id,
        members.valid_from,
        members.entered_at,
        successors.to_entity_id,
        successors.position
    from members_before as members
    inner join {{ ref('int_segments__successors') }} as successors
        on members.entity = successors.entity and members.entity_id = successors.from_entity_id
    inner join last_published on members.segment_id = last_published.segment_id
    where successors.is_gone or successors.moved_at > last_published.published_at
),

paired as (
    select
        moved.*,
        kept.entity_id is null as is_leaving,
        own_stays.entity_id is null as is_entering
    from moved
    inner join {{ ref('segment_candidates') }} as heirs
        on moved.segment_id = heirs.segment_id and moved.to_entity_id = heirs.entity_id
    left join {{ ref('segment_candidates') }} as kept
        on moved.segment_id = kept.segment_id and moved.from_entity_id = kept.entity_id
    {#- Not members_before: DuckDB would keep a copy of all members if it was read twice. #}
    left join {{ published_history() }} as own_stays
        on moved.segment_id = own_stays.segment_id
        and moved.to_entity_id = own_stays.entity_id
        and own_stays.valid_from < {{ as_of() }}
        and (own_stays.valid_to is null or own_stays.valid_to >= {{ as_of() }})
)

select
    segment_id,
    entity,
    from_entity_id,
    to_entity_id,
    entered_at,
    is_leaving,
    is_entering,
    row_number() over (
        partition by segment_id, from_entity_id order by position asc, to_entity_id asc
    ) as to_position,
    row_number() over (
        partition by segment_id, to_entity_id order by valid_from asc, from_entity_id asc
    ) as from_position
from paired
