{#- The ids of the segments that a model of models/activation/ makes an audience of. -#}
{% macro audience_segments() %}
    {%- set found = [] -%}
    {%- for node in (graph.nodes.values() if execute else [])
        if node.resource_type == 'model' and node.config.meta.audience -%}
        {%- do found.append(node.config.meta.audience.segment_id) -%}
    {%- endfor -%}
    {{- return(found | unique | sort) -}}
{% endmacro %}
