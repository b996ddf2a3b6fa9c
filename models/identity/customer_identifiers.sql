-- The map without the systems: what a source's row is looked up in.
select
    identifier_type,
    identifier_value,
    customer_id,
    is_test
from {{ ref('customer_identity_map') }}
group by identifier_type, identifier_value, customer_id, is_test
