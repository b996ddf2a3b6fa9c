with loads as (
    {{ raw_table_loads() }}
),

aged as (
    select
        *,
        {{ hours_since('last_loaded_at') }} as hours_behind
    from loads
),

judged as (
    select
        *,
        {{ as_of() }} as as_of,
        case
            when hours_behind is null or warn_after_hours is null and error_after_hours is null then 'unknown'
            when hours_behind > error_after_hours then 'error'
            when hours_behind > warn_after_hours then 'warn'
            else 'pass'
        end as status
    from aged
)

{{ select_contract('judged') }}
