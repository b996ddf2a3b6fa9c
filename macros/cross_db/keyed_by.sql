{#- The post-hook of a state table that keeps one row per key, and finds it at once, where an
    engine has indexes. DuckDB scans a large table faster than it keeps an index of it.
    Arguments: columns, the key; small, whether the table has a few rows only. -#}
{% macro keyed_by(columns, small=false) -%}
    {{ return(adapter.dispatch('keyed_by', 'strata')(columns, small)) }}
{%- endmacro %}


{% macro default__keyed_by(columns, small) -%}
{%- endmacro %}


{% macro duckdb__keyed_by(columns, small) -%}
    {%- if small -%}{{ postgres__keyed_by(columns, small) }}{%- endif -%}
{%- endmacro %}


{% macro postgres__keyed_by(columns, small) -%}
    create unique index if not exists {{ this.identifier }}_key on {{ this }} ({{ columns | join(', ') }})
{%- endmacro %}
