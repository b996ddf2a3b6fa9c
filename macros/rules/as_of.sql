{#- The instant this run evaluates, as a timestamp literal in UTC. -#}
{% macro as_of() -%}
    timestamp '{{ as_of_text() }}'
{%- endmacro %}
