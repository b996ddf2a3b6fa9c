{#- The day, as an SQL literal, before which no key of `touched_events` lies; none in a full
    build. A literal, because engines filter by it before they read other columns, and by a
    subquery only afterwards. It is asked before forget_events ran: rows which that takes out
    are not counted as known.

    Argument: until, the table's column with the time of a row's last event. -#}
{% macro touched_since(until) %}
    {%- if execute and is_incremental() and model.resource_type != 'unit_test' -%}
        {%- set arrivals = ref('stg_events__arrivals') -%}
        {%- set first = run_query(
            "select min(touched.activity_on) as first_day from ("
            ~ "select cast(min(events.occurred_at) as date) as activity_on from " ~ arrivals ~ " as events"
            ~ " cross join (select coalesce(max(batch), 0) as batch,"
            ~ " coalesce(max(" ~ until ~ "), timestamp '0001-01-01 00:00:00') as known_until from " ~ this
            ~ " where source_system = '" ~ source_system('events') ~ "' and " ~ until ~ " <= " ~ as_of() ~ ") as known"
            ~ " where events.occurred_at <= " ~ as_of()
            ~ " and (events.batch > known.batch or events.occurred_at > known.known_until)"
            ~ " union all select min(activity_on) as activity_on from " ~ this
            ~ " where " ~ until ~ " > " ~ as_of()
            ~ ") as touched"
        ).columns[0].values()[0] -%}
        {{- return("timestamp '" ~ ((first | string)[:10] if first is not none else as_of_text()[:10]) ~ " 00:00:00'") -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
