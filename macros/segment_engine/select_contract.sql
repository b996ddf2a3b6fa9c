{#- Selects from a CTE exactly the columns that the model's contract declares, in
    its order and cast to its types, so that a contract holds on every engine
    whatever type an engine gave an expression. dbt's unit tests do not know the
    contract: there the CTE is selected as it is. -#}
{% macro select_contract(cte) -%}
    {%- if not execute or model.resource_type == 'unit_test' -%}{{- return('select * from ' ~ cte) -}}{%- endif -%}
select
    {%- for name, column in model.columns.items() %}
    cast({{ name }} as {{ api.Column.translate_type(column.data_type) }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ cte }}
{%- endmacro %}
