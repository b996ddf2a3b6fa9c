{#- The post-hook of a state table whose rows are found by some columns at once where an engine
    needs an index for that. DuckDB scans a large table faster than it keeps an index of it, so
    that it has only those that make a key unique.
    Arguments: columns; unique, whether no two rows may share them, for tables of a few rows. -#}
{% macro indexed_on(columns, unique=false) -%}
    {{ return(adapter.dispatch('indexed_on', 'strata')(columns, unique)) }}
{%- endmacro %}


{% macro default__indexed_on(columns, unique) -%}
{%- endmacro %}


{% macro duckdb__indexed_on(columns, unique) -%}
    {%- if unique -%}{{ postgres__indexed_on(columns, unique) }}{%- endif -%}
{%- endmacro %}


{% macro postgres__indexed_on(columns, unique) -%}
    create {{ 'unique ' if unique }}index if not exists {{ this.identifier }}_by_{{ columns | last }} on {{ this }}
    ({{ columns | join(', ') }})
{%- endmacro %}
