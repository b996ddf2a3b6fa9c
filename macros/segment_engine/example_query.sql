{#- One boundary example of a segment, evaluated by the segment's own rule over a
    row that holds what the example gives and null elsewhere. -#}
{% macro example_query(definition, example, position) -%}
    {%- set alias = definition.entity[0] -%}
    {%- set columns = graph.nodes['model.strata.' ~ definition.entity ~ '_360'].columns -%}
    {%- set given = {} -%}
    {%- for part, values in example.items() if part not in ('given', 'member') -%}
        {%- do given.update({part: values}) -%}
    {%- endfor -%}
    {%- set given = dict(given, given=example.get('given', {})) if given else example.get('given', {}) -%}
select
    '{{ definition.id }}' as segment_id,
    {{ position }} as example,
    {{ text_literal(tojson(given)) }} as given,
    {{ 'true' if example.member else 'false' }} as expected,
    coalesce({{ rule_sql(definition, example) }}, false) as actual
from (
    select
        {%- for column in definition.columns_used[definition.entity] %}
        {{ _example_value(example.get('given', {}).get(column), columns[column].data_type) }} as {{ column }},
        {%- endfor %}
        1 as nothing
) as {{ alias }}
{%- if definition.entity == 'customer' and definition.columns_used.account %}
{%- set columns = graph.nodes['model.strata.account_360'].columns %}
cross join (
    select
        {%- for column in definition.columns_used.account %}
        {{ _example_value(example.get('given_account', {}).get(column), columns[column].data_type) }} as {{ column }},
        {%- endfor %}
        1 as nothing
) as a
{%- endif %}
{%- endmacro %}


{% macro _example_value(value, type) -%}
    {%- set as_type = api.Column.translate_type(type) -%}
    {%- if value is none -%}
        cast(null as {{ as_type }})
    {%- elif value is mapping -%}
        {{ as_of() }} - interval '{{ value.days_ago }}' day
    {%- elif value is string -%}
        cast({{ text_literal(value) }} as {{ as_type }})
    {%- else -%}
        cast({{ value | lower }} as {{ as_type }})
    {%- endif -%}
{%- endmacro %}
