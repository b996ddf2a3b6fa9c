with rejected as (
    {%- for domain, entity in _interfaces_with_rules() %}
    {{ rejected_from(domain, entity) }}
    union all
    {%- endfor %}
    -- Whether a merge can be right depends on other merges, which no rule of a row can see.
    select
        'crm' as domain,
        'merges' as entity,
        source_system,
        merged_id as row_key,
        'the merges of this ' || object || ' lead in a loop' as reason,
        'merged_id = ' || merged_id || ', surviving_id = ' || target_id as found,
        loaded_at
    from {{ ref('int_identity__merge_targets') }}
    where surviving_id is null
)

{{ select_contract('rejected') }}
