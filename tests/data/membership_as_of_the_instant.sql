-- The members at the instant of the run are the current ones, and just before the instant those
-- of the verdicts' previous count; both ends of a stay are looked at.
with at_instant as (
    select * from {{ membership_as_of() }} as members
),

before_instant as (
    select
        segment_id,
        count(*) as member_count
    from {{ membership_as_of(as_of() ~ " - interval '1' second") }} as members
    group by segment_id
),

verdicts as (
    select
        segment_id,
        previous_count
    from {{ ref('segment_verdicts') }}
    where run_id = '{{ run_id() }}' and previous_count > 0
)

select
    'now' as looked_at,
    coalesce(at_instant.segment_id, members.segment_id) as segment_id,
    coalesce(at_instant.entity_id, members.entity_id) as found
from at_instant
full outer join {{ ref('segment_membership') }} as members
    on at_instant.segment_id = members.segment_id and at_instant.entity_id = members.entity_id
where at_instant.entity_id is null or members.entity_id is null

union all

select
    'before' as looked_at,
    verdicts.segment_id,
    cast(before_instant.member_count as {{ dbt.type_string() }}) as found
from verdicts
left join before_instant on verdicts.segment_id = before_instant.segment_id
where verdicts.previous_count is distinct from before_instant.member_count
