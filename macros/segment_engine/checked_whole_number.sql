{#- A rule helper's argument that is a whole number from 1, or a message that names the
    helper. Arguments: helper, argument (its name), value, optional (none is accepted). -#}
{% macro checked_whole_number(helper, argument, value, optional=false) -%}
    {%- if not (value is none and optional) and (value is not integer or value < 1) -%}
        {{- exceptions.raise_compiler_error(
            helper ~ "() is given the " ~ argument ~ " " ~ tojson(value) ~ ". It takes a whole number from 1"
            ~ (", or none for all time." if optional else ".")
        ) -}}
    {%- endif -%}
    {{- return(value) -}}
{%- endmacro %}
