{#- A value that is known only where a domain has a source: null where the domain is
    `none`, since no tickets in a help desk is not the same as no help desk.
    Arguments: domain, sql. -#}
{% macro known_if(domain, sql) -%}
    {{- return('null' if source_system(domain) == 'none' else sql) -}}
{%- endmacro %}
