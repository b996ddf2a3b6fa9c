{{ config(materialized='view') }}

select identifiers.*
from {{ ref('int_identity__identifiers') }} as identifiers
left join {{ ref('int_identity__distrusted') }} as distrusted on identifiers.node = distrusted.node
where distrusted.node is null
