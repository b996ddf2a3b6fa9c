{#- The ids of the segments of its priority group that win against a segment, best first.

    Arguments: definitions, all of them by id; definition, the segment. -#}
{% macro higher_ranked(definitions, definition) %}
    {%- set found = [] -%}
    {%- for other in definitions.values() | sort(attribute='id') -%}
        {%- if definition.priority_group is not none and other.priority_group == definition.priority_group
            and other.priority < definition.priority -%}
            {%- do found.append((other.priority, other.id)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found | sort | map('last') | list) -}}
{% endmacro %}
