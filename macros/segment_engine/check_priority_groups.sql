{#- The segments of a priority group are of one entity and of different priorities.

    Argument: definitions, all of them by id. -#}
{% macro check_priority_groups(definitions) %}
    {%- set seen = {} -%}
    {%- for definition in definitions.values() if definition.priority_group is not none -%}
        {%- set where = 'segment__' ~ definition.id ~ ' (' ~ definition.path ~ ") of the priority group '"
            ~ definition.priority_group ~ "' " -%}
        {%- for other in seen.setdefault(definition.priority_group, []) -%}
            {%- if other.priority == definition.priority -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ 'has the priority ' ~ definition.priority ~ ', which segment__' ~ other.id ~ ' (' ~ other.path
                    ~ ') has too. Every segment of a group takes a priority of its own.'
                ) -%}
            {%- endif -%}
            {%- if other.entity != definition.entity -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ 'is of ' ~ definition.entity ~ 's, but segment__' ~ other.id ~ ' (' ~ other.path ~ ') is of '
                    ~ other.entity ~ 's. A group takes segments of one entity.'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do seen[definition.priority_group].append(definition) -%}
    {%- endfor -%}
{% endmacro %}
