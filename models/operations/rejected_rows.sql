with looping_merges as (
    select * from {{ ref('int_identity__merge_targets') }}
    where surviving_id is null
),

rejected_events as (
    select * from {{ ref('int_events__rejected') }}
),

rejected as (
    select * from rejected_events

    union all

    -- Whether a merge can be right depends on other merges, which no rule of a row can see.
    select
        'crm' as domain,
        'merges' as entity,
        source_system,
        merged_id as row_key,
        'the merges of this ' || object || ' lead in a loop' as reason,
        'merged_id = ' || merged_id || ', surviving_id = ' || target_id as found,
        loaded_at
    from looping_merges
    {%- for domain, entity in _interfaces_with_rules() %}

    union all

    {{ rejected_from(domain, entity) }}
    {%- endfor %}
)

{{ select_contract('rejected') }}
