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
    union all
    {%- endfor %}
    {%- if source_system('events') == 'generic' %}
    {{ rejected_events() }}
    {%- else %}
    {{ no_rows(model.columns) }}
    {%- endif %}
)

{{ select_contract('rejected') }}
