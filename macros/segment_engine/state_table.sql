{#- A table that runs write to and that nothing can rebuild: created once with the
    columns its YAML declares, given the columns it lacks, and never dropped or
    replaced, `--full-refresh` included. -#}
{% materialization state_table, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is none -%}
        {%- call statement('main') -%}
            {{ get_create_table_as_sql(False, target_relation, sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- set found = columns_of(existing) | map(attribute='name') | map('lower') | list -%}
        {%- set missing = [] -%}
        {%- for name, column in model.columns.items() if name | lower not in found -%}
            {%- do missing.append(api.Column(name, api.Column.translate_type(column.data_type))) -%}
        {%- endfor -%}
        {%- if missing -%}
            {%- do alter_relation_add_remove_columns(existing, missing, none) -%}
        {%- endif -%}
        {%- call statement('main') -%}select 1 as nothing{%- endcall -%}
    {%- endif -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target_relation, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
