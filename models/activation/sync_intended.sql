{{ config(materialized='view') }}

with syncs as (
    {%- set found = [] -%}
    {%- for name, terms in audience_definitions().items() -%}
        {%- for sync in terms.syncs -%}
            {%- do found.append((sync, name)) -%}
        {%- endfor -%}
    {%- endfor %}
    {% for sync, name in found -%}
        select
            '{{ sync }}' as sync_name,
            '{{ name }}' as audience_name
        {%- if not loop.last %}
    union all
    {% endif -%}
    {%- else -%}
        {{ no_rows({'sync_name': {'data_type': 'string'}, 'audience_name': {'data_type': 'string'}}) }}
    {%- endfor %}
),

members as (
    select * from {{ ref('audience_members') }}
    where reason is null
)

select
    syncs.sync_name,
    syncs.audience_name,
    members.entity_key
from syncs
inner join members on syncs.audience_name = members.audience_name
