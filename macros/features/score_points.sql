{#- The points of every metric of every score of an entity, by the seeds score_metrics and
    score_definitions: 10, 5 or 0 as the value reaches the metric's bounds; metrics that
    are not known are left out. Grain: entity, score, metric. The body of a CTE.
    Arguments: entity (customer or account), inputs (the model with the values, or rows of it;
    its columns are what a metric may name). -#}
{% macro score_points(entity, inputs) %}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set columns = graph.nodes['model.strata.int_' ~ entity ~ 's__score_inputs'].columns -%}
    {%- endif -%}
select
    '{{ entity }}' as entity,
    measured.entity_id,
    measured.score,
    measured.metric,
    measured.label,
    measured.value,
    case measured.direction
        when 'at_least' then
            case when measured.value >= measured.ten_at then 10 when measured.value >= measured.five_at then 5 else 0 end
        else
            case when measured.value <= measured.ten_at then 10 when measured.value <= measured.five_at then 5 else 0 end
    end as points,
    measured.weight,
    measured.inputs_digest
from (
    select
        inputs.{{ entity }}_id as entity_id,
        inputs.inputs_digest,
        metrics.score,
        metrics.metric,
        metrics.label,
        metrics.direction,
        metrics.five_at,
        metrics.ten_at,
        metrics.weight,
        case definitions.applies_to
            {%- for column in (columns.values() if columns else []) if column.data_type == 'boolean' %}
            when '{{ column.name }}' then inputs.{{ column.name }}
            {%- else %}
            when 'nothing' then true
            {%- endfor %}
        end as applies,
        cast(
            case metrics.feature
                {%- for column in (columns.values() if columns else []) if column.data_type not in ('boolean', 'string') %}
                when '{{ column.name }}' then cast(inputs.{{ column.name }} as decimal(18, 4))
                {%- else %}
                when 'nothing' then 0
                {%- endfor %}
            end as decimal(18, 4)
        ) as value
    from {{ inputs }} as inputs
    cross join {{ ref('score_metrics') }} as metrics
    inner join {{ ref('score_definitions') }} as definitions
        on metrics.entity = definitions.entity and metrics.score = definitions.score
    where metrics.entity = '{{ entity }}'
) as measured
where measured.applies and measured.value is not null
{% endmacro %}
