{#- The ids of the segments that a model of models/activation/ makes an audience of. -#}
{% macro audience_segments() %}
    {{- return(audience_definitions().values() | map(attribute='segment_id') | unique | sort) -}}
{% endmacro %}
