{#- The members of every segment at an instant, for a `from`: segment_id, entity, entity_id,
    entered_at, entry_reason, definition_version. A stay begins with its first instant and
    ends just before its last: whoever left at the instant is no member any more.

    Argument: instant, UTC: a text such as '2026-06-30T00:00:00Z' or '2026-06-30', or an SQL
    timestamp. If not given, the instant of the run. -#}
{% macro membership_as_of(instant=none) -%}
    {%- set moment = as_of() | trim if instant is none else instant | string | trim -%}
    {%- set written = modules.re.match('^(\\d{4}-\\d{2}-\\d{2})(?:[T ](\\d{2}:\\d{2})(:\\d{2})?Z?)?$', moment) -%}
    {%- if written -%}
        {%- set moment = "timestamp '" ~ written[1] ~ ' ' ~ (written[2] or '00:00') ~ (written[3] or ':00') ~ "'" -%}
    {%- endif -%}
(
    select
        segment_id,
        entity,
        entity_id,
        coalesce(entered_at, valid_from) as entered_at,
        entry_reason,
        definition_version
    from {{ ref('segment_membership_history') }}
    where valid_from <= {{ moment }} and (valid_to is null or valid_to > {{ moment }})
)
{%- endmacro %}
