{#- The instant as text, 'YYYY-MM-DD HH:MM:SS' in UTC. -#}
{% macro as_of_text() -%}
    {%- set given = var('as_of', none) -%}
    {%- if given is none or given | string | trim == '' -%}
        {{- return(run_started_at.strftime('%Y-%m-%d %H:%M:%S')) -}}
    {%- endif -%}
    {%- set pattern = '^\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}(:\\d{2})?(Z|[+-]\\d{2}:?\\d{2})?)?$' -%}
    {%- if not modules.re.match(pattern, given | string) -%}
        {{- exceptions.raise_compiler_error(
            "as_of is '" ~ given ~ "'. It takes a UTC instant such as 2026-07-01T00:00:00Z, "
            ~ "a date (midnight UTC), or null for the start of the run."
        ) -}}
    {%- endif -%}
    {%- set instant = modules.datetime.datetime.fromisoformat(given | string) -%}
    {%- if instant.tzinfo -%}
        {%- set instant = instant.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    {{- return(instant.strftime('%Y-%m-%d %H:%M:%S')) -}}
{%- endmacro %}
