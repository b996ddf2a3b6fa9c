{#- Descriptions as comments on DuckDB: the columns are looked up once and all comments made in one
    statement, where dbt's own takes four. The tables are new every hour, and so are these. -#}
{% macro duckdb__persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {%- set comments = [] -%}
    {%- if for_relation and config.persist_relation_docs() and model.description -%}
        {%- do comments.append(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() and model.columns -%}
        {#- What a contract promises is there. -#}
        {%- set documented = model.columns if model.contract.enforced else validate_doc_columns(
            relation, model.columns, columns_of(relation) | map(attribute='name') | list
        ) -%}
        {%- for name, column in documented.items() if column.description -%}
            {%- do comments.append(
                'comment on column ' ~ relation ~ '.' ~ (adapter.quote(name) if column.quote else name)
                ~ ' is ' ~ duckdb_escape_comment(column.description) ~ ';'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if comments -%}
        {%- do run_query(comments | join('\n')) -%}
    {%- endif -%}
{%- endmacro %}
