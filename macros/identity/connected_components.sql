{#- Labels every node of a graph with the smallest node of its component.

    Returns a query of (node, component). Arguments: edges, a relation or CTE of
    (node_a, node_b) in which every node occurs (a lone node as an edge to
    itself). Depth is not bounded. -#}
{% macro connected_components(edges) -%}
    {{ return(adapter.dispatch('connected_components', 'strata')(edges)) }}
{%- endmacro %}


{#- Every round gives each node the smallest label that is known two steps of labels away,
    and hands it to the node that the label names: paths halve, so a chain of 5,000 nodes
    takes 13 rounds. Carrying each label along one edge a round would take 5,000 rounds and
    12 million rows. PostgreSQL allows one reference to the recursive relation and no
    aggregate beside it: the inner `with` gives it a name that has neither limit. -#}
{% macro default__connected_components(edges) %}
    with recursive numbered as (
        select
            node,
            row_number() over (order by node) as id
        from (
            select node_a as node from {{ edges }}
            union
            select node_b as node from {{ edges }}
        ) as named
    ),

    one_way as (
        select
            first_nodes.id as id_a,
            second_nodes.id as id_b
        from {{ edges }} as given
        inner join numbered as first_nodes on given.node_a = first_nodes.node
        inner join numbered as second_nodes on given.node_b = second_nodes.node
        where first_nodes.id <> second_nodes.id
    ),

    links as (
        select id_a as id, id_b as neighbour from one_way
        union
        select id_b as id, id_a as neighbour from one_way
    ),

    labels as (
        select
            0 as round,
            numbered.id,
            least(numbered.id, min(links.neighbour)) as label
        from numbered
        left join links on numbered.id = links.id
        group by numbered.id

        union all

        select
            round,
            id,
            label
        from (
            with latest as materialized (
                select * from labels
            ),

            jumped as materialized (
                select
                    latest.round,
                    latest.id,
                    latest.label,
                    further.label as far_label
                from latest
                inner join latest as further on latest.label = further.id
            ),

            offered as materialized (
                select
                    links.id,
                    min(jumped.far_label) as label
                from links
                inner join jumped on links.neighbour = jumped.id
                group by links.id
            ),

            hooked as (
                select
                    jumped.label as id,
                    min(offered.label) as label
                from jumped
                inner join offered on jumped.id = offered.id
                group by jumped.label
            ),

            stepped as materialized (
                select
                    jumped.round + 1 as round,
                    jumped.id,
                    jumped.label as old_label,
                    least(jumped.far_label, offered.label, hooked.label) as label
                from jumped
                left join offered on jumped.id = offered.id
                left join hooked on jumped.id = hooked.id
            )

            select
                round,
                id,
                label
            from stepped
            where exists (select 1 from stepped as moved where moved.label <> moved.old_label)
        ) as step
    )

    select
        numbered.node,
        smallest.node as component
    from labels
    inner join numbered on labels.id = numbered.id
    inner join numbered as smallest on labels.label = smallest.id
    where labels.round = (select max(round) from labels)
{% endmacro %}
