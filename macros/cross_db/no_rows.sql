{#- A query of no rows with declared columns and types: a domain that is switched off, a
    table before its first run. Argument: columns, as a model's YAML declares them. -#}
{% macro no_rows(columns) %}
select
    {%- for name, column in columns.items() %}
    cast(null as {{ api.Column.translate_type(column.data_type) }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from (select 1 as nothing) as absent
where 1 = 0
{% endmacro %}
