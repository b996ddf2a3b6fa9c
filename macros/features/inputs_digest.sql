{#- Digest of every value that a score may be made from: of the columns that the model declares,
    but for its key, which is the first, and the digest itself, which is the last. -#}
{% macro inputs_digest() -%}
    {%- set columns = model.columns.keys() | list if execute and model.resource_type != 'unit_test' else [] -%}
md5(concat_ws(
    '|'
    {%- for column in columns[1:-1] %},
    coalesce(cast({{ column }} as {{ dbt.type_string() }}), '-')
    {%- endfor %}
))
{%- endmacro %}
