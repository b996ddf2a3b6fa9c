{#- The time, as an SQL literal, from which on landed events may be missing in the model's
    table: a lookback before the last arrival up to the instant; none where any may be. A
    literal, because engines filter the raw table by it before they read its columns, and
    by a subquery only afterwards. -#}
{% macro arrived_since() %}
    {%- if execute and is_incremental() -%}
        {%- set last = run_query(
            "select max(arrived_at) as last_arrival from " ~ this ~ " where source_system = '" ~ source_system('events')
            ~ "' and arrived_at <= " ~ as_of()
        ).columns[0].values()[0] -%}
        {%- if last is not none -%}
            {{- return(
                "timestamp '" ~ (last | string)[:19] | replace('T', ' ') ~ "' - interval '"
                ~ event_setting('lookback_days') ~ "' day"
            ) -}}
        {%- endif -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
