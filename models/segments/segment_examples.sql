-- depends_on: {{ ref('customer_360') }}
-- depends_on: {{ ref('account_360') }}
{%- set queries = [] -%}
{%- if execute -%}
    {%- for definition in segment_definitions().values() -%}
        {%- for example in definition.examples -%}
            {%- do queries.append(example_query(definition, example, loop.index)) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}
{%- for query in queries %}
{{ query }}
{{ 'union all' if not loop.last }}
{%- else %}
{#- No segment has an example. #}
select
    cast(null as {{ dbt.type_string() }}) as segment_id,
    cast(null as integer) as example,
    cast(null as {{ dbt.type_string() }}) as given,
    cast(null as boolean) as expected,
    cast(null as boolean) as actual
from (select 1 as nothing) as absent
where 1 = 0
{%- endfor %}
