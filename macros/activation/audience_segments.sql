{#- The ids of the segments that a model of models/activation/ makes an audience of. -#}
{% macro audience_segments() %}
    {%- set found = [] -%}
    {%- for node in (graph.nodes.values() if execute else [])
        if node.resource_type == 'model' and node.fqn[1] == 'activation' -%}
        {%- do found.extend(modules.re.findall("\\baudience\\(\\s*(?:[^()]*?\\bsegment\\s*=\\s*)?['\"](\\w+)['\"]", node.raw_code)) -%}
    {%- endfor -%}
    {{- return(found | unique | sort) -}}
{% endmacro %}
