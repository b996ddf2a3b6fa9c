{#- Every interface that has a rule and a source. -#}
{%- set interfaces = [] -%}
{%- for domain, systems in staging_adapters().items() if source_system(domain) != 'none' -%}
    {%- for entity in systems.generic if not execute or reject_rules(domain, entity) -%}
        {%- do interfaces.append((domain, entity)) -%}
    {%- endfor -%}
{%- endfor -%}

with rejected as (
    {%- for domain, entity in interfaces %}
    {{ rejected_from(domain, entity) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ no_rows(model.columns) }}
    {%- endfor %}
    union all
    select * from {{ ref('int_events__rejected') }}
)

{{ select_contract('rejected') }}
