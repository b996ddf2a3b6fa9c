{#- The system that feeds one entity of a domain: the domain's, or 'generic'
    where that one does not carry the entity. -#}
{% macro entity_system(domain, entity) %}
    {%- set system = source_system(domain) -%}
    {%- if system != 'none' and entity not in staging_adapters()[domain][system] -%}
        {%- set system = 'generic' -%}
    {%- endif -%}
    {{- return(system) -}}
{% endmacro %}
