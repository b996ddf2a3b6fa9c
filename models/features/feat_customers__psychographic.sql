with customers as (
    select * from {{ ref('dim_customers') }}
    where coalesce(interests, attitudes, persona) is not null
),

personas as (
    select * from {{ ref('customer_attributes') }}
    where attribute = 'persona' and is_chosen
)

select
    customers.customer_id,
    customers.interests,
    customers.attitudes,
    customers.persona,
    personas.origin as persona_origin,
    coalesce(
        length(customers.interests) - length(replace(customers.interests, ',', '')) + 1, 0
    ) as interest_count,
    coalesce(
        length(customers.attitudes) - length(replace(customers.attitudes, ',', '')) + 1, 0
    ) as attitude_count
from customers
left join personas on customers.customer_id = personas.customer_id
