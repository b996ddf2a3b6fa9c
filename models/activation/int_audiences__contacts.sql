{{ config(materialized='view') }}

-- The syncs of audiences that count, with the channel each contacts people over.
with syncs as (
    {%- set found = [] -%}
    {%- for name, terms in audience_definitions().items() if terms.channel != 'none' and terms.is_capped -%}
        {%- for sync in terms.syncs -%}
            {%- do found.append((sync, name, terms.channel)) -%}
        {%- endfor -%}
    {%- endfor %}
    {% for sync, name, channel in found -%}
        select
            '{{ sync }}' as sync_name,
            '{{ name }}' as audience_name,
            '{{ channel }}' as channel
        {%- if not loop.last %}
    union all
    {% endif -%}
    {%- else -%}
        {{ no_rows({
            'sync_name': {'data_type': 'string'},
            'audience_name': {'data_type': 'string'},
            'channel': {'data_type': 'string'},
        }) }}
    {%- endfor %}
),

ledger as (
    select * from {{ ref('sync_ledger') }}
),

successors as (
    select
        from_entity_id,
        to_entity_id
    from {{ ref('int_segments__successors') }}
    where entity = 'customer' and is_gone and position = 1
)

select
    syncs.audience_name,
    syncs.channel,
    coalesce(successors.to_entity_id, ledger.entity_key) as customer_id,
    ledger.added_as_of as contacted_at,
    ledger.acknowledged_hash is not null or ledger.state = 'claimed' as is_held
from ledger
inner join syncs on ledger.sync_name = syncs.sync_name
left join successors on ledger.entity_key = successors.from_entity_id
