-- depends_on: {{ ref('customer_360') }}
-- depends_on: {{ ref('account_360') }}
-- depends_on: {{ ref('fct_daily_activity') }}
-- depends_on: {{ ref('fct_customer_events') }}
{#- One scan per segment: on DuckDB faster than one scan with an unnest. Those that others
    refer to are evaluated first, once. -#}
{%- set evaluated = segment_definitions().values() | rejectattr('not_evaluated_reason') | list %}
{%- set members = {} %}
{%- for definition in evaluated | selectattr('read_by') | sort(attribute='position') %}
{{ 'with' if loop.first }}
members_of_{{ definition.id }} as (
    {{ evaluate_segment(definition, members) }}
){{ ',' if not loop.last }}
{%- do members.update({'members_of:' ~ definition.id: 'members_of_' ~ definition.id}) %}
{%- endfor %}
{%- for definition in evaluated %}
{{ 'select * from members_of_' ~ definition.id if definition.read_by else evaluate_segment(definition, members) }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ no_members() }}
{%- endfor %}
