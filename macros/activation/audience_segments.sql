{#- The ids of the segments that a model of models/activation/ makes an audience or events of. -#}
{% macro audience_segments() %}
    {%- set found = [] -%}
    {%- for terms in audience_definitions(events=true).values() -%}
        {%- do found.extend(terms.get('segments') or [terms.segment_id]) -%}
    {%- endfor -%}
    {{- return(found | unique | sort) -}}
{% endmacro %}
