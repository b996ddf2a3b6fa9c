{#- SQL of the time at which a loader wrote a row, UTC; none where the relation or its
    column is not there. Arguments: relation (as load_relation returns it), field. -#}
{% macro loader_time(relation, field) %}
    {%- if relation and field -%}
        {%- for column in columns_of(relation) if column.name | lower == field | lower -%}
            {{- return(to_utc(adapter.quote(column.name), column.dtype)) -}}
        {%- endfor -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
