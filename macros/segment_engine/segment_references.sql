{#- The ids of the segments that a definition's conditions name with in_segment or
    not_in_segment, which are evaluated before it; with history, those it names with
    entered_within, whose published stays it reads.

    Arguments: definition; history. -#}
{% macro segment_references(definition, history=false) -%}
    {%- set ids = [] -%}
    {%- for sql in definition.conditions.values() -%}
        {%- for id in modules.re.findall('__' ~ ('stays_of' if history else 'members_of') ~ ':(\\w+)__(?!\\w)', sql | string)
            if id not in ids -%}
            {%- do ids.append(id) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(ids) -}}
{%- endmacro %}
