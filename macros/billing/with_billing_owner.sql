{#- The rows of a billing relation with whom they belong to: `customer_id`, null where
    nobody is known, and `account_id`, the billing customer's own account or else the
    customer's primary one. Rows of test accounts are left out. The body of a CTE.

    Argument: relation, one with `billing_customer_id`. -#}
{% macro with_billing_owner(relation) -%}
select
    owned.*,
    coalesce(billing_customers.account_id, customers.account_id) as account_id
from (
    {{ with_customer(relation, by=['billing_customer_id']) }}
) as owned
left join {{ ref('stg_billing__customers') }} as billing_customers
    on owned.billing_customer_id = billing_customers.billing_customer_id
left join {{ ref('dim_customers') }} as customers on owned.customer_id = customers.customer_id
{%- endmacro %}
