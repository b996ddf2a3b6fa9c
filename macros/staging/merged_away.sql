{#- The records that were merged into one that is still there: `record_id`. The body of a CTE.

    A record goes only if its merges lead, over however many steps, to a record that exists
    and was not merged away itself. So of a loop (A into B, B into A, of any length) nothing
    is lost: all its records stay, and identity resolution decides what they are.

    Arguments: merges (relation or CTE of merged_id, surviving_id), records (CTE with the
    column `id`: the records that are not deleted). -#}
{% macro merged_away(merges, records) %}
    with recursive survivors as (
        select merged.surviving_id as record_id
        from {{ merges }} as merged
        inner join {{ records }} as kept on merged.surviving_id = kept.id
        left join {{ merges }} as onward on merged.surviving_id = onward.merged_id
        where onward.merged_id is null
        group by merged.surviving_id
    ),

    -- `union` drops what was reached before, which is what ends the recursion.
    reached as (
        select record_id from survivors
        union
        select merged.merged_id as record_id
        from reached
        inner join {{ merges }} as merged on reached.record_id = merged.surviving_id
    )

    select reached.record_id
    from reached
    left join survivors on reached.record_id = survivors.record_id
    where survivors.record_id is null
{% endmacro %}
