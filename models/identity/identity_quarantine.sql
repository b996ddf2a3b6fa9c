select
    node,
    identifier_type,
    identifier_value,
    reason
from {{ ref('int_identity__distrusted') }}

union all

select
    node,
    identifier_type,
    identifier_value,
    reason
from {{ ref('int_identity__glue') }}
