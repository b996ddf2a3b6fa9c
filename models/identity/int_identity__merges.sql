select
    object,
    merged_id,
    surviving_id,
    merged_at
from {{ ref('int_identity__merge_targets') }}
where surviving_id is not null
