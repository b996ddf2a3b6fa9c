-- Every node has the smallest node of its component, however far away that is.
with edges as (
    {%- set chain = range(10, 31) | list %}
    -- Twenty steps from one end to the other, the edges in both directions.
    {%- for node in chain[:-1] %}
    {%- set pair = [node, chain[loop.index]] %}
    select
        'chain_{{ pair[loop.index % 2] }}' as node_a,
        'chain_{{ pair[1 - loop.index % 2] }}' as node_b
    union all
    {%- endfor %}
    select
        node_a,
        node_b
    from (
        values
        -- A cycle, and one edge of it twice.
        ('cycle_2', 'cycle_3'), ('cycle_3', 'cycle_1'), ('cycle_1', 'cycle_2'), ('cycle_1', 'cycle_2'),
        -- A star around its largest node.
        ('star_9', 'star_1'), ('star_9', 'star_2'), ('star_9', 'star_3'),
        -- Two pairs that one edge joins.
        ('pair_1', 'pair_2'), ('pair_3', 'pair_4'), ('pair_2', 'pair_4'),
        -- A node by itself.
        ('lone', 'lone')
    ) as listed (node_a, node_b)
),

expectations as (
    {%- for node in chain %}
    select
        'chain_{{ node }}' as node,
        'chain_10' as component
    union all
    {%- endfor %}
    select
        node,
        component
    from (
        values
        ('cycle_1', 'cycle_1'), ('cycle_2', 'cycle_1'), ('cycle_3', 'cycle_1'),
        ('star_1', 'star_1'), ('star_2', 'star_1'), ('star_3', 'star_1'), ('star_9', 'star_1'),
        ('pair_1', 'pair_1'), ('pair_2', 'pair_1'), ('pair_3', 'pair_1'), ('pair_4', 'pair_1'),
        ('lone', 'lone')
    ) as listed (node, component)
),

components as (
    {{ connected_components('edges') }}
)

select
    coalesce(expectations.node, components.node) as node,
    expectations.component as expected,
    components.component as actual
from expectations
full outer join components on expectations.node = components.node
where components.component is distinct from expectations.component
