{#- What the macro audience() noted of each audience model of the project, by the model's name,
    with the names of the syncs that deliver it. Argument: events, whether those of
    segment_events(), whose members are changes and no customers or accounts, are among them. -#}
{% macro audience_definitions(events=false) %}
    {%- set definitions = {} -%}
    {%- for node in (graph.nodes.values() if execute else []) | sort(attribute='name')
        if node.resource_type == 'model' and node.config.meta.audience
        and (events or node.config.meta.audience.entity != 'change') -%}
        {%- set syncs = [] -%}
        {%- for exposure in graph.exposures.values() if node.unique_id in exposure.depends_on.nodes -%}
            {%- do syncs.append(exposure.name) -%}
        {%- endfor -%}
        {%- do definitions.update({node.name: dict(node.config.meta.audience, syncs=syncs | sort)}) -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{% endmacro %}
