{#- The events of a rule helper's argument as a list of names, or a message that names
    the helper. Arguments: helper, event (a name, or a list of names). -#}
{% macro checked_events(helper, event) -%}
    {%- set names = [event] if event is string else event -%}
    {%- set wrong = [] -%}
    {%- if names is string or names is mapping or names is not iterable or not names | list -%}
        {%- do wrong.append(event) -%}
    {%- else -%}
        {%- for name in names if name is not string or not name | trim -%}
            {%- do wrong.append(name) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if wrong -%}
        {{- exceptions.raise_compiler_error(
            helper ~ "() is given the event " ~ tojson(wrong[0])
            ~ ". It takes the name of an event, such as 'project_created', or a list of names, any of which counts."
        ) -}}
    {%- endif -%}
    {{- return(names | list) -}}
{%- endmacro %}
