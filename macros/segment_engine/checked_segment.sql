{#- A rule helper's argument that is the id of a segment, or a message that names the
    helper. Whether there is such a segment is known when all files were read
    (`connect_segments`). Arguments: helper, id. -#}
{% macro checked_segment(helper, id) -%}
    {%- if id is not string or not modules.re.match('^[A-Za-z_][A-Za-z_0-9]*$', id) -%}
        {{- exceptions.raise_compiler_error(
            helper ~ "() is given the segment " ~ tojson(id)
            ~ ". It takes the id of a segment: the name of its file in macros/segments/, such as 'champions'."
        ) -}}
    {%- endif -%}
    {{- return(id) -}}
{%- endmacro %}
