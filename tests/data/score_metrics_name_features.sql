{#- A metric or a score that names something the inputs do not have would silently never count. -#}
{%- set known = {} -%}
{%- if execute -%}
    {%- for entity in ('customer', 'account') -%}
        {%- set columns = graph.nodes['model.strata.int_' ~ entity ~ 's__score_inputs'].columns.values() -%}
        {%- do known.update({entity: {
            'numbers': columns | rejectattr('data_type', 'in', ['string', 'boolean']) | map(attribute='name') | list,
            'booleans': columns | selectattr('data_type', 'equalto', 'boolean') | map(attribute='name') | list,
        }}) -%}
    {%- endfor -%}
{%- endif -%}
with metrics as (
    select * from {{ ref('score_metrics') }}
),

definitions as (
    select * from {{ ref('score_definitions') }}
),

unknown as (
    {%- for entity, names in known.items() %}
    select
        entity,
        score,
        metric,
        feature as found,
        '{{ names.numbers | join(", ") }}' as accepted
    from metrics
    where entity = '{{ entity }}' and feature not in ('{{ names.numbers | join("', '") }}')

    union all

    select
        entity,
        score,
        null as metric,
        applies_to as found,
        '{{ names.booleans | join(", ") }}' as accepted
    from definitions
    where entity = '{{ entity }}' and applies_to not in ('{{ names.booleans | join("', '") }}')
    {{ 'union all' if not loop.last }}
    {%- else %}
    select null as entity, null as score, null as metric, null as found, null as accepted
    {%- endfor %}
)

select * from unknown
