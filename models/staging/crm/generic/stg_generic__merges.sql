{{ config(enabled=is_fed_by('crm', 'merges', 'generic')) }}

with merged_pairs as (
    {{ raw_table('generic', 'merges') }}
),

final as (
    select
        lower(trim(object)) as object,
        merged_id,
        surviving_id,
        max(merged_at) as merged_at,
        max(loaded_at) as loaded_at
    from merged_pairs
    where merged_id is distinct from surviving_id
    group by lower(trim(object)), merged_id, surviving_id
)

select * from final
