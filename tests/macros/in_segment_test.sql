-- Members of another segment, of the same entity or of the other: a customer through its
-- account, an account through any of its people.
{%- set references = {'rich': {'entity': 'customer'}, 'large': {'entity': 'account'}} %}
{%- set customer_rule = {'entity': 'customer', 'references': references} %}
{%- set account_rule = {'entity': 'account', 'references': references} %}
{%- set read = {'members_of:rich': 'rich', 'members_of:large': 'large', 'customer_360': 'customers'} %}
with customers as (
    select
        'ada' as customer_id,
        'acme' as account_id
    union all
    select
        'bob' as customer_id,
        'acme' as account_id
    union all
    select
        'cy' as customer_id,
        'bolt' as account_id
    union all
    select
        'dot' as customer_id,
        cast(null as {{ dbt.type_string() }}) as account_id
),

accounts as (
    select 'acme' as account_id
    union all
    select 'bolt' as account_id
    union all
    select 'none' as account_id
),

rich as (
    select 'ada' as entity_id
    union all
    select 'dot' as entity_id
),

large as (
    select 'acme' as entity_id
),

answered as (
    select
        c.customer_id as entity_id,
        {{ resolve_markers(in_segment('rich'), customer_rule, relations=read) }} as is_rich,
        {{ resolve_markers(not_in_segment('rich'), customer_rule, relations=read) }}
            as is_not_rich,
        {{ resolve_markers(in_segment('large'), customer_rule, relations=read) }}
            as is_large,
        {{ resolve_markers(not_in_segment('large'), customer_rule, relations=read) }}
            as is_not_large
    from customers as c
    union all
    select
        a.account_id as entity_id,
        {{ resolve_markers(in_segment('rich'), account_rule, relations=read) }} as is_rich,
        {{ resolve_markers(not_in_segment('rich'), account_rule, relations=read) }}
            as is_not_rich,
        {{ resolve_markers(in_segment('large'), account_rule, relations=read) }}
            as is_large,
        {{ resolve_markers(not_in_segment('large'), account_rule, relations=read) }}
            as is_not_large
    from accounts as a
)

select *
from answered
where
    is_rich is distinct from entity_id in ('ada', 'dot', 'acme')
    or is_not_rich is distinct from entity_id not in ('ada', 'dot', 'acme')
    or is_large is distinct from entity_id in ('ada', 'bob', 'acme')
    or is_not_large is distinct from entity_id not in ('ada', 'bob', 'acme')
