{#- The columns of a relation that exists, as dbt's column objects.

    dbt's adapter asks in a context of its own, with all macros in it, which took a sixth of
    the Python time of a refresh; where the engine's macro gives the same, it is called here. -#}
{% macro columns_of(relation) %}
    {{- return(adapter.dispatch('columns_of', 'strata')(relation)) -}}
{% endmacro %}


{% macro default__columns_of(relation) %}
    {{- return(adapter.get_columns_in_relation(relation)) -}}
{% endmacro %}


{% macro duckdb__columns_of(relation) %}
    {{- return(get_columns_in_relation(relation)) -}}
{% endmacro %}


{% macro postgres__columns_of(relation) %}
    {{- return(get_columns_in_relation(relation)) -}}
{% endmacro %}
