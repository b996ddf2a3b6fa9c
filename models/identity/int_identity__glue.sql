{#- Three passes over components that are too large, each over what the last one left too
    large. After the third every identifier is in one record, so no component is larger
    than the identifiers of one record. -#}
{%- set passes = [
    "identifier_type in ('email', 'phone', 'anonymous_id') and most_ids > 1",
    "person_record_count > 1",
    "record_count > 1",
] -%}
{%- set max_size = identity_setting('max_component_size') -%}
with trusted as (
    select * from {{ ref('int_identity__trusted') }}
),

components_1 as (
    select
        node,
        component
    from {{ ref('int_identity__components') }}
),

held_1 as (
    select * from trusted
)
{%- for rule in passes %}
{%- set n = loop.index %},

sizes_{{ n }} as (
    select
        component,
        count(*) as size
    from components_{{ n }}
    where node not like 'anonymous_id:%'
    group by component
    having count(*) > {{ max_size }}
),

members_{{ n }} as (
    select
        held.*,
        sizes.size
    from held_{{ n }} as held
    inner join components_{{ n }} as components on held.node = components.node
    inner join sizes_{{ n }} as sizes on components.component = sizes.component
),

counted_{{ n }} as (
    select
        members.node,
        members.identifier_type,
        members.identifier_value,
        max(members.size) as size,
        count(distinct members.record_id) as record_count,
        count(
            distinct case when members.record_type in ('contact', 'billing_customer') then members.record_id end
        ) as person_record_count,
        greatest(
            {%- for type in ['contact_id', 'billing_customer_id', 'user_id', 'email'] %}
            count(distinct case when others.identifier_type = '{{ type }}' then others.node end)
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as most_ids
    from members_{{ n }} as members
    left join members_{{ n }} as others
        on members.record_id = others.record_id and members.node <> others.node
    group by members.node, members.identifier_type, members.identifier_value
),

glue_{{ n }} as (
    select
        node,
        identifier_type,
        identifier_value,
        size
    from counted_{{ n }}
    where {{ rule }}
)
{%- if not loop.last %},

held_{{ n + 1 }} as (
    select
        members.record_id,
        members.record_type,
        members.source_system,
        members.identifier_type,
        members.identifier_value,
        members.node,
        members.seen_at
    from members_{{ n }} as members
    left join glue_{{ n }} as glue on members.node = glue.node
    where glue.node is null
),

edges_{{ n + 1 }} as (
    {{ record_edges('held_' ~ (n + 1)) }}
),

components_{{ n + 1 }} as (
    {{ connected_components('edges_' ~ (n + 1)) }}
)
{%- endif %}
{%- endfor %}

{% for rule in passes %}
select
    node,
    identifier_type,
    identifier_value,
    'it glued together a customer of ' || size || ' identifiers, more than {{ max_size }}' as reason
from glue_{{ loop.index }}
{{ 'union all' if not loop.last }}
{%- endfor %}
