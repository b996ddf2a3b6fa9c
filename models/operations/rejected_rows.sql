{#- Every interface that has a rule and a source, and events. -#}
{%- set arms = [] -%}
{%- for domain, systems in staging_adapters().items() if source_system(domain) != 'none' -%}
{%- for entity in systems.generic if not execute or reject_rules(domain, entity) -%}
{%- do arms.append(rejected_from(domain, entity)) -%}
{%- endfor -%}
{%- endfor -%}
{%- if source_system('events') == 'generic' -%}
    {%- do arms.append(rejected_events()) -%}
{%- endif -%}

with rejected as (
    {{ arms | join('\nunion all\n') if arms else no_rows(model.columns) }}
)

{{ select_contract('rejected') }}
