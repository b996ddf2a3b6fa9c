with identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

-- A browser that several people signed in from says nothing about who they are.
shared_anonymous_ids as (
    select
        anonymous_ids.node,
        count(distinct user_ids.node) as user_count
    from identifiers as anonymous_ids
    inner join identifiers as user_ids
        on anonymous_ids.record_id = user_ids.record_id and user_ids.identifier_type = 'user_id'
    where anonymous_ids.identifier_type = 'anonymous_id'
    group by anonymous_ids.node
    having count(distinct user_ids.node) > 1
)

select
    node,
    'anonymous_id' as identifier_type,
    substring(node from 14) as identifier_value,
    'one anonymous id was used by ' || user_count || ' users' as reason
from shared_anonymous_ids
