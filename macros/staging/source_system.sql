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
