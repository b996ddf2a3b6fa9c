{#- Selects a raw table in the shape its source YAML declares: every declared
    column, cast to its declared type, times in UTC, empty text as null. A
    missing optional column is a typed null; a missing column marked
    `meta: {required: true}` stops the run with its name, and so does a missing
    table unless the table is marked `meta: {optional: true}` (it is then empty, which
    the run says once).

    Arguments: system (the dbt source's name), table. -#}
{% macro raw_table(system, table) %}
    {%- set relation = source(system, table) -%}
    {%- if var('demo_data', true) and (system, table) in demo_tables() -%}
        {#- `dbt build` must load the demo's seed before it reads the table. -#}
        {%- do ref(system ~ '__' ~ table) -%}
    {%- endif -%}
    {%- if not execute -%}
        {{- return('select * from ' ~ relation) -}}
    {%- endif -%}

    {%- set declared = _source_node(system, table) -%}
    {%- do _say_what_is_absent(declared) -%}
    {{- return(_landed_rows(declared, relation)) -}}
{%- endmacro %}


{#- The rows of a raw table, where it is landed, in the shape that it is declared with. -#}
{% macro _landed_rows(declared, relation) %}
    {%- set existing = load_relation(relation) -%}
    {%- set found = {} -%}
    {%- if existing -%}
        {%- for column in columns_of(existing) -%}
            {%- do found.update({column.name | lower: column}) -%}
        {%- endfor -%}
    {%- elif flags.WHICH in ('run', 'build') and not declared.meta.get('optional') -%}
        {%- do exceptions.raise_compiler_error(
            "The table " ~ relation.schema ~ "." ~ relation.identifier ~ " does not exist. "
            ~ "The source '" ~ declared.source_name ~ "' needs it (" ~ declared.original_file_path ~ "). "
            ~ "Create it as a table or view, or choose another system for its domain in strata_sources."
            ~ (" `strata demo` loads the demo company's." if var('demo_data', true) else '')
        ) -%}
    {%- endif -%}

    {%- set missing = [] -%}
    {%- set lines = [] -%}
    {%- for name, column in declared.columns.items() -%}
        {%- if name | lower in found -%}
            {%- do lines.append(
                _raw_column(found[name | lower], column.data_type, relation) ~ ' as ' ~ name
            ) -%}
        {%- else -%}
            {%- if column.meta.get('required') and existing -%}
                {%- do missing.append(name) -%}
            {%- endif -%}
            {%- do lines.append('cast(null as ' ~ api.Column.translate_type(column.data_type) ~ ') as ' ~ name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {%- do exceptions.raise_compiler_error(
            "The table " ~ relation.schema ~ "." ~ relation.identifier ~ " has no column "
            ~ missing | join(', ') ~ ", which the source '" ~ declared.source_name ~ "' requires ("
            ~ declared.original_file_path ~ "). Columns found: " ~ found.keys() | sort | join(', ') ~ "."
        ) -%}
    {%- endif -%}

select
    {{ lines | join(',\n    ') }}
{%- if existing %}
from {{ relation }}
{%- else %}
from (select 1 as nothing) as absent
where 1 = 0
{%- endif %}
{%- endmacro %}


{#- One landed column in its declared type. Text that is empty or blank is null
    in every type. An id that a loader landed as a floating-point number (a
    column with gaps often is) reads 12345, not 12345.0. -#}
{% macro _raw_column(actual, data_type, relation) %}
    {%- set quoted = adapter.quote(actual.name) -%}
    {%- set landed = actual.dtype | lower -%}
    {%- set is_text = 'char' in landed or landed in ('text', 'string', 'bpchar') -%}
    {%- set is_float = landed in ('double', 'float', 'real', 'double precision', 'float4', 'float8') -%}
    {%- set type = api.Column.translate_type(data_type) -%}

    {%- if data_type == 'timestamp' -%}
        {%- if not is_text and 'time' not in landed and landed != 'date' -%}
            {%- do exceptions.raise_compiler_error(
                "The column " ~ actual.name ~ " of " ~ relation.schema ~ "." ~ relation.identifier ~ " is of type "
                ~ actual.dtype ~ ". A time must be a timestamp, a date or ISO 8601 text; convert it in a view."
            ) -%}
        {%- endif -%}
        {{- return(to_utc(quoted, actual.dtype)) -}}
    {%- elif data_type == 'string' and is_text -%}
        {{- return("case when trim(" ~ quoted ~ ") <> '' then cast(" ~ quoted ~ " as " ~ type ~ ") end") -}}
    {%- elif data_type == 'string' and is_float -%}
        {%- set whole = 'cast(cast(' ~ quoted ~ ' as bigint) as ' ~ type ~ ')' -%}
        {{- return(
            "case when abs(" ~ quoted ~ ") < 1e15 and " ~ quoted ~ " = floor(" ~ quoted ~ ") then " ~ whole
            ~ " else nullif(lower(cast(" ~ quoted ~ " as " ~ type ~ ")), 'nan') end"
        ) -}}
    {%- elif is_text -%}
        {{- return("cast(nullif(trim(" ~ quoted ~ "), '') as " ~ type ~ ")") -}}
    {%- elif data_type == 'boolean' and 'bool' not in landed -%}
        {#- PostgreSQL does not cast every kind of number. -#}
        {{- return('(' ~ quoted ~ ' <> 0)') -}}
    {%- elif is_float -%}
        {{- return("cast(case when abs(" ~ quoted ~ ") < 1e18 then " ~ quoted ~ " end as " ~ type ~ ")") -}}
    {%- endif -%}
    {{- return('cast(' ~ quoted ~ ' as ' ~ type ~ ')') -}}
{% endmacro %}


{% macro _source_node(system, table) %}
    {%- for node in graph.sources.values() if node.source_name == system and node.name == table -%}
        {{- return(node) -}}
    {%- endfor -%}
{% endmacro %}


{#- Says once in a run which of a system's optional tables are absent: called for every table
    of every model, it speaks for the first table of the first model that reads the system. -#}
{% macro _say_what_is_absent(declared) %}
    {%- if flags.WHICH not in ('run', 'build') -%}{{- return('') -}}{%- endif -%}
    {%- set readings = [] -%}
    {%- for node in graph.nodes.values() if node.unique_id in selected_resources -%}
        {%- for source_id in node.depends_on.nodes
            if source_id in graph.sources and graph.sources[source_id].source_name == declared.source_name -%}
            {%- do readings.append((node.unique_id, source_id)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if (model.unique_id, declared.unique_id) == readings | sort | first -%}
        {%- set absent = [] -%}
        {%- for source_id in readings | map(attribute=1) | unique | sort -%}
            {%- set table = graph.sources[source_id] -%}
            {%- if table.meta.get('optional')
                and not load_relation(source(table.source_name, table.name)) -%}
                {%- do absent.append(table.identifier) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if absent -%}
            {%- do exceptions.warn(
                declared.schema ~ "." ~ absent | join(', ')
                ~ (" does not exist and is read as empty" if absent | length == 1
                else " do not exist and are read as empty")
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
