{#- Each condition of a segment by itself, as (entity_id, condition_number, result): one row
    per entity for which it is true or false, numbered from 1 in the order of the file. An
    entity without a row leaves the condition unknown: something it compares is null.
    Each is rendered by `evaluate_segment`, so it means here what it means in a run. -#}
{% macro condition_results(segment_id) -%}
    {%- set definition = segment_definitions()[segment_id] -%}
    {%- for name, sql in definition.conditions.items() %}
        {%- set outer = loop %}
        {%- for result, rule in {'true': sql | trim, 'false': 'not (' ~ sql | trim ~ ')'}.items() %}
select
    entity_id,
    {{ outer.index }} as condition_number,
    {{ result }} as result
from (
    {{ evaluate_segment(dict(definition, conditions={name: rule})) }}
) as evaluated
{{ 'union all' if not (outer.last and loop.last) }}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}
