{#- The names of the raw tables that the chosen system of a domain is read from.

    Argument: domain (crm, billing, events, support, survey). -#}
{% macro domain_tables(domain) %}
    {%- set found = [] -%}
    {%- for node in (graph.nodes.values() if execute else [])
        if node.resource_type == 'model' and node.fqn[1:3] == ['staging', domain] -%}
        {%- for unique_id in node.depends_on.nodes if unique_id in graph.sources -%}
            {%- if graph.sources[unique_id].source_name == source_system(domain) -%}
                {%- do found.append(graph.sources[unique_id].name) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found | unique | sort) -}}
{% endmacro %}
