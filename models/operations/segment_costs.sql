{{ config(materialized='view') }}

{%- set built = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
{%- set shared = built | selectattr('fqn.1', 'equalto', 'segments') | map(attribute='name') | sort %}

with models as (
    select
        run_id,
        sum(seconds) as seconds
    from {{ ref('run_nodes') }}
    where
        node_name in (
            {%- for name in shared %}
            '{{ name }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
    group by run_id
),

verdicts as (
    select
        run_id,
        as_of,
        segment_id,
        member_count,
        member_count + 1 as weight
    from {{ ref('segment_verdicts') }}
    where is_evaluated
),

weights as (
    select
        run_id,
        sum(weight) as weight
    from verdicts
    group by run_id
),

audits as (
    select
        run_id,
        segment_id,
        sum(duration_seconds) as seconds
    from {{ ref('expectation_results') }}
    where segment_id is not null
    group by run_id, segment_id
)

select
    verdicts.run_id,
    verdicts.as_of,
    verdicts.segment_id,
    verdicts.member_count as candidate_count,
    cast({{ as_double('models.seconds') }} * verdicts.weight / weights.weight as decimal(12, 6)) as model_seconds,
    cast(audits.seconds as decimal(12, 6)) as audit_seconds
from verdicts
inner join weights on verdicts.run_id = weights.run_id
inner join models on verdicts.run_id = models.run_id
left join audits on verdicts.run_id = audits.run_id and verdicts.segment_id = audits.segment_id
