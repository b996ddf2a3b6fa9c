-- Members of experiments of 0.3 and 0.2, of nobody but one arm, and of none that there is; the
-- arms are those that Python draws by the same rule.
{%- set drawn = {
    'first': {'cus_2': 'treatment', 'cus_3': 'treatment', 'cus_5': 'treatment', 'cus_7': 'treatment'},
    'second': {'cus_4': 'treatment', 'cus_5': 'treatment', 'cus_7': 'treatment', 'cus_8': 'holdout'},
    'whole': {
        'cus_1': 'all', 'cus_2': 'all', 'cus_3': 'all', 'cus_4': 'all',
        'cus_5': 'all', 'cus_6': 'all', 'cus_7': 'all', 'cus_8': 'all',
    },
    'unknown': {},
} %}
with arms as (
    select
        'first' as experiment_id,
        'x' as salt,
        'treatment' as arm,
        cast(0.3 as decimal(9, 6)) as share
    union all
    select
        'first' as experiment_id,
        'x' as salt,
        'holdout' as arm,
        cast(0.2 as decimal(9, 6)) as share
    union all
    select
        'second' as experiment_id,
        'y' as salt,
        'treatment' as arm,
        cast(0.3 as decimal(9, 6)) as share
    union all
    select
        'second' as experiment_id,
        'y' as salt,
        'holdout' as arm,
        cast(0.2 as decimal(9, 6)) as share
    union all
    select
        'whole' as experiment_id,
        'z' as salt,
        'all' as arm,
        cast(1 as decimal(9, 6)) as share
),

members as (
    {%- for experiment, members in drawn.items() %}
    {%- set above = loop %}
    {%- for number in range(1, 9) %}
    {%- set member = 'cus_' ~ number %}
    select
        '{{ experiment }}' as experiment_name,
        '{{ member }}' as customer_id,
        {{ text_literal(members.get(member)) }} as expected
    {{ 'union all' if not (above.last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

by_column as (
    {{ experiment_arm('experiment_name', 'customer_id', 'members', arms='arms') }}
),

by_name as (
    {{ experiment_arm("'second'", 'customer_id', '(select distinct customer_id from members)', arms='arms') }}
)

select
    members.*,
    by_column.arm as actual,
    by_name.arm as actual_by_name
from members
left join by_column
    on members.experiment_name = by_column.experiment_id and members.customer_id = by_column.entity_key
left join by_name
    on members.experiment_name = by_name.experiment_id and members.customer_id = by_name.entity_key
where
    by_column.arm is distinct from members.expected
    or (members.experiment_name = 'second' and by_name.arm is distinct from members.expected)
