{#- Whether an adapter model is part of the project: its system feeds its entity. -#}
{% macro is_fed_by(domain, entity, system) %}
    {{- return(entity_system(domain, entity) == system) -}}
{% endmacro %}
