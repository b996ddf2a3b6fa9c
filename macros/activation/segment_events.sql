{#- The body of an `audience_<name>` model of what happened and not of who is there: one row per
    entry into and exit from segments of late, for automations. Deliver it with `mode: insert`:
    each row is sent once. Nobody is contacted and only ids are told, so that no consent is asked.

    Arguments:
      segments: ids of segments, a list.
      days: how far back rows are kept, in days; more than the longest outage of the destination.

    Columns: entity_key (segment, entity, id, change and instant), payload_hash, segment_id,
    segment_label, change, entity, entity_id, changed_at, reason. The first publication of a
    segment, in which everybody enters at once, is none of it, and neither is what an erased
    customer once did. -#}
{% macro segment_events(segments, days=7) -%}
    {%- set known = segment_definitions() -%}
    {%- for segment in segments if segment not in known -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " is of the segment '" ~ segment ~ "'. Segments: " ~ known | join(', ') ~ '.'
        ) -%}
    {%- endfor -%}
    {%- if not segments or days is not integer or days < 1 -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ' takes one segment or more, and a whole number of days from 1. Found: '
            ~ segments ~ ', ' ~ days ~ '.'
        ) -%}
    {%- endif -%}
    {{- config(meta={'audience': {
        'segment_id': none,
        'segments': segments,
        'channel': 'none',
        'identifier': 'entity_key',
        'entity': 'change',
    }}) -}}

{{ _check_contract([
    'entity_key', 'payload_hash', 'segment_id', 'segment_label', 'change', 'entity', 'entity_id', 'changed_at', 'reason'
]) }}
with changes as (
    select * from {{ ref('segment_changes') }}
    where segment_id in ('{{ segments | join("', '") }}')
),

first_published as (
    select
        segment_id,
        min(changed_at) as published_at
    from changes
    group by segment_id
),

registry as (
    select
        segment_id,
        label
    from {{ ref('segment_registry') }}
),

events as (
    select
        {{ segment_event_key('changes') }} as entity_key,
        changes.segment_id,
        registry.label as segment_label,
        changes.change,
        changes.entity,
        changes.entity_id,
        changes.changed_at,
        changes.reason
    from changes
    inner join first_published on changes.segment_id = first_published.segment_id
    left join registry on changes.segment_id = registry.segment_id
    where
        not changes.is_move
        and changes.changed_at > first_published.published_at
        and {{ within_last('changes.changed_at', days) }}
        and not {{ is_erased('changes') }}
),

hashed as (
    select
        *,
        md5(entity_key) as payload_hash
    from events
)

{{ select_contract('hashed') }}
{%- endmacro %}
