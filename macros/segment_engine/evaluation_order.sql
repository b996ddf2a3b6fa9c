{#- The ids of the segments in an order in which each comes after those it depends on:
    the segments it refers to and, in a priority group, those of a higher rank.

    Argument: definitions, all of them by id. -#}
{% macro evaluation_order(definitions) %}
    {%- set order = [] -%}
    {%- for id in definitions -%}
        {%- do _put_after_its_own(id, definitions, order, []) -%}
    {%- endfor -%}
    {{- return(order) -}}
{% endmacro %}


{% macro _put_after_its_own(id, definitions, order, path) %}
    {%- if id in order -%}{{- return('') -}}{%- endif -%}
    {%- if id in path -%}
        {%- do exceptions.raise_compiler_error(
            'segment__' ~ id ~ ' (' ~ definitions[id].path ~ ') depends on itself: '
            ~ (path[path.index(id):] + [id]) | join(' needs ')
            ~ '. A segment needs those it refers to and those of a higher rank in its priority group.'
        ) -%}
    {%- endif -%}
    {%- for other in definitions[id].refers_to + higher_ranked(definitions, definitions[id]) -%}
        {%- do _put_after_its_own(other, definitions, order, path + [id]) -%}
    {%- endfor -%}
    {%- do order.append(id) -%}
{% endmacro %}
