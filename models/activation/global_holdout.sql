{%- set holdout = var('global_holdout', {}) or {} -%}
{%- set share = holdout.get('share', 0) -%}
{%- if share is not number or share < 0 or share >= 1 or not holdout.get('salt', 'holdout') -%}
    {%- do exceptions.raise_compiler_error(
        'The variable global_holdout is ' ~ holdout ~ ". Accepted: {share: 0.05, salt: '2026'}, a share from 0 to below 1."
    ) -%}
{%- endif -%}

with customers as (
    select customer_id from {{ ref('customer_360') }}
)

-- A larger share holds out more people, and none less.
select customer_id
from customers
where {{ uniform_hash("'" ~ holdout.get('salt', 'holdout') ~ "|' || customer_id") }} < {{ share }}
