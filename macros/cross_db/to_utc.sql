{#- A raw time as a naive UTC timestamp, whatever type it was landed in.
    Arguments: expression (SQL), type (the column's type as the engine names it).
    Times with a zone are converted; times without one are taken to be in the
    variable `source_time_zone`; text is parsed as ISO 8601, its zone (Z, UTC or
    an offset) honoured, blank text is null. -#}
{% macro to_utc(expression, type) -%}
    {{ return(adapter.dispatch('to_utc', 'strata')(expression, type | lower)) }}
{%- endmacro %}


{% macro default__to_utc(expression, type) -%}
    {%- set zone = var('source_time_zone', 'UTC') -%}
    {%- if 'with time zone' in type or type == 'timestamptz' -%}
        {{- return("cast(" ~ expression ~ " at time zone 'UTC' as timestamp)") -}}
    {%- elif 'char' in type or type in ('text', 'string') -%}
        {%- set written = "nullif(trim(" ~ expression ~ "), '')" -%}
        {%- set zoned = [] -%}
        {#- The time's own colon keeps a date's hyphens from looking like an offset. -#}
        {%- for ending in ['%:%Z', '%:% UTC', '%:%+__:__', '%:%-__:__', '%:%+____', '%:%-____', '%:%+__', '%:%-__'] -%}
            {%- do zoned.append("trim(" ~ expression ~ ") like '" ~ ending ~ "'") -%}
        {%- endfor -%}
        {{- return(
            "case when " ~ zoned | join(' or ')
            ~ " then cast(cast(" ~ written ~ " as timestamp with time zone) at time zone 'UTC' as timestamp)"
            ~ " else " ~ default__to_utc("cast(" ~ written ~ " as timestamp)", 'timestamp') ~ " end"
        ) -}}
    {%- elif zone | upper in ('UTC', 'ETC/UTC', 'Z') -%}
        {{- return("cast(" ~ expression ~ " as timestamp)") -}}
    {%- else -%}
        {{- return(
            "cast(cast(" ~ expression ~ " as timestamp) at time zone '" ~ zone ~ "' at time zone 'UTC' as timestamp)"
        ) -}}
    {%- endif -%}
{%- endmacro %}
