{#- What changed between the ends of two months: one row per key and month in which its
    MRR is not what it was a month before.

        new           paid for the first time
        reactivation  paid again after a month end at 0
        expansion     pays more
        contraction   pays less, also where one of several subscriptions ended
        churn         pays nothing any more

    The balance of a month plus the movements of the next is the next month's balance.
    A balance that is not there is 0, so the relation need not list it.

    Arguments: relation (a balance per month and key: `month`, the keys and the amount;
    its last month is the one of the instant); keys (columns); amount (column). -#}
{% macro mrr_movements(relation, keys, amount='mrr') -%}
{%- set key = keys | join(', ') -%}
with balances as (
    select
        month,
        {{ key }},
        {{ amount }} as mrr,
        lag(month) over (partition by {{ key }} order by month) as month_before,
        lag({{ amount }}) over (partition by {{ key }} order by month) as paid_before,
        lead(month) over (partition by {{ key }} order by month) as month_after
    from {{ relation }}
    where {{ amount }} > 0
),

continued as (
    select
        month,
        {{ key }},
        case
            when month_before is null then 'new'
            when month_before < cast(month - interval '1' month as date) then 'reactivation'
            when mrr > paid_before then 'expansion'
            else 'contraction'
        end as movement,
        case
            when month_before = cast(month - interval '1' month as date) then paid_before
            else 0
        end as mrr_before,
        mrr as mrr_after
    from balances
    where
        month_before is null
        or month_before < cast(month - interval '1' month as date)
        or mrr <> paid_before
),

stopped as (
    select
        cast(month + interval '1' month as date) as month,
        {{ key }},
        'churn' as movement,
        mrr as mrr_before,
        0 as mrr_after
    from balances
    where
        (month_after is null or month_after > cast(month + interval '1' month as date))
        and cast(month + interval '1' month as date) <= cast({{ as_of() }} as date)
),

movements as (
    select * from continued
    union all
    select * from stopped
)

select
    month,
    {{ key }},
    movement,
    cast(mrr_before as decimal(18, 2)) as mrr_before,
    cast(mrr_after as decimal(18, 2)) as mrr_after,
    cast(mrr_after - mrr_before as decimal(18, 2)) as amount
from movements
{%- endmacro %}
