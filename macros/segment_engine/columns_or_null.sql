{#- The columns of a relation for a `select`, those that it does not have yet as typed
    nulls: a state table is read before the run that adds its new columns.

    Arguments: relation (that exists); columns, as a model's YAML declares them. -#}
{% macro columns_or_null(relation, columns) %}
    {%- set found = columns_of(relation) | map(attribute='name') | map('lower') | list -%}
    {%- set selected = [] -%}
    {%- for name, column in columns.items() -%}
        {%- set absent = 'cast(null as ' ~ api.Column.translate_type(column.data_type) ~ ') as ' ~ name -%}
        {%- do selected.append(name if name in found else absent) -%}
    {%- endfor -%}
    {{- return(selected | join(', ')) -}}
{% endmacro %}
