{{ config(materialized='view') }}

select
    valid_from as changed_at,
    start_reason as change,
    previous_customer_id as from_customer_id,
    customer_id as to_customer_id,
    min(start_detail) as reason,
    count(*) as identifier_count,
    min(run_id) as run_id
from {{ ref('identity_assignments') }}
where start_reason in ('merged', 'split')
group by valid_from, start_reason, previous_customer_id, customer_id
