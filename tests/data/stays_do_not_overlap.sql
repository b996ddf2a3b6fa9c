select
    earlier.segment_id,
    earlier.entity_id,
    earlier.valid_from,
    later.valid_from as overlapping_from
from {{ ref('segment_membership_history') }} as earlier
inner join {{ ref('segment_membership_history') }} as later
    on earlier.segment_id = later.segment_id
    and earlier.entity_id = later.entity_id
    and earlier.stay_id <> later.stay_id
    and earlier.valid_from <= later.valid_from
    and (earlier.valid_to is null or earlier.valid_to > later.valid_from)
where later.valid_to is null or later.valid_to > later.valid_from
