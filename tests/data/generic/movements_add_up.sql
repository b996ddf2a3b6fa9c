{#- Fails for every key and month in which the movements until then do not add up to the
    balance, or a movement's own amounts do not. Arguments: balances (relation of a balance
    per month and key, where one that is not there is 0), keys, amount (its column). -#}
{% test movements_add_up(model, balances, keys, amount='mrr') %}
{%- set key = keys | join(', ') %}
with balances as (
    select
        month,
        {{ key }},
        {{ amount }} as mrr
    from {{ balances }}
),

-- A balance is followed by another one, or by 0.
followed as (
    select * from balances
    union all
    select
        cast(month + interval '1' month as date) as month,
        {{ key }},
        0 as mrr
    from balances
    where cast(month + interval '1' month as date) <= cast({{ as_of() }} as date)
),

entries as (
    select
        month,
        {{ key }},
        sum(mrr) as mrr,
        sum(amount) as moved,
        max(mrr_before) as mrr_before,
        max(mrr_after) as mrr_after
    from (
        select
            month,
            {{ key }},
            mrr,
            0 as amount,
            cast(null as decimal(18, 2)) as mrr_before,
            cast(null as decimal(18, 2)) as mrr_after
        from followed
        union all
        select
            month,
            {{ key }},
            0 as mrr,
            amount,
            mrr_before,
            mrr_after
        from {{ model }}
    ) as every_entry
    group by month, {{ key }}
),

added as (
    select
        *,
        sum(moved) over (partition by {{ key }} order by month rows unbounded preceding) as moved_until
    from entries
)

select *
from added
where
    moved_until <> mrr
    or mrr_after <> mrr
    or mrr_before <> moved_until - moved
{% endtest %}
