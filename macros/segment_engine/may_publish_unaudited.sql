{#- Whether a run that Great Expectations did not audit may publish on this target. -#}
{% macro may_publish_unaudited() -%}
    {{- return(var('publish_unaudited', {}).get(target.name, false) | as_bool) -}}
{%- endmacro %}
