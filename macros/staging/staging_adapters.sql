{#- Which systems can feed which domain, and the entities each one carries.
    An entity that the chosen system does not carry is read from the generic
    table if there is one (enrichment beside HubSpot, for example). Adding a
    system: its folder under models/staging/<domain>/ and its line here. -#}
{% macro staging_adapters() %}
    {{- return({
        'crm': {
            'hubspot': ['contacts', 'accounts', 'deals', 'consents'],
            'generic': ['contacts', 'accounts', 'deals', 'consents', 'enrichment', 'manual_overrides'],
        },
        'billing': {
            'stripe': ['customers', 'subscriptions', 'subscription_changes', 'invoices', 'payments', 'refunds'],
            'generic': ['customers', 'subscriptions', 'subscription_changes', 'invoices', 'payments', 'refunds'],
        },
        'events': {'segment': ['events'], 'generic': ['events']},
        'support': {'zendesk': ['tickets'], 'generic': ['tickets']},
        'survey': {'generic': ['responses']},
    }) -}}
{% endmacro %}


{#- The system chosen for a domain: an adapter's name, 'generic' or 'none'. -#}
{% macro source_system(domain) %}
    {%- set adapters = staging_adapters() -%}
    {%- set chosen = var('strata_sources', {}) -%}
    {%- if chosen is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            "strata_sources is '" ~ chosen ~ "'. It takes one system per domain, such as {crm: hubspot, billing: none}."
        ) -%}
    {%- endif -%}
    {%- for name in chosen if name not in adapters -%}
        {%- do exceptions.raise_compiler_error(
            "strata_sources names the unknown domain '" ~ name ~ "'. Domains: " ~ adapters | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    {%- set system = chosen.get(domain, 'none') | string | lower -%}
    {%- if system != 'none' and system not in adapters[domain] -%}
        {%- do exceptions.raise_compiler_error(
            "strata_sources feeds '" ~ domain ~ "' from the unknown system '" ~ system
            ~ "'. Accepted for " ~ domain ~ ": " ~ adapters[domain] | join(', ') ~ ", none."
        ) -%}
    {%- endif -%}
    {{- return(system) -}}
{% endmacro %}


{#- The system that feeds one entity of a domain: the domain's, or 'generic'
    where that one does not carry the entity. -#}
{% macro entity_system(domain, entity) %}
    {%- set system = source_system(domain) -%}
    {%- if system != 'none' and entity not in staging_adapters()[domain][system] -%}
        {%- set system = 'generic' -%}
    {%- endif -%}
    {{- return(system) -}}
{% endmacro %}


{#- Whether an adapter model is part of the project: its system feeds its entity. -#}
{% macro is_fed_by(domain, entity, system) %}
    {{- return(entity_system(domain, entity) == system) -}}
{% endmacro %}
