{{ config(severity='warn') }}

-- Every boundary example of every segment. A failure holds the segment (segment_verdicts);
-- here it shows which example failed without stopping the others.
select
    segment_id,
    example,
    given,
    expected,
    actual
from {{ ref('segment_examples') }}
where expected <> actual
