-- depends_on: {{ ref('customer_360') }}
-- depends_on: {{ ref('account_360') }}
{#- One scan per segment: on DuckDB faster than one scan with an unnest. -#}
{%- set evaluated = segment_definitions().values() | rejectattr('not_evaluated_reason') | list %}
{%- for definition in evaluated %}
{{ evaluate_segment(definition) }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ no_members() }}
{%- endfor %}
