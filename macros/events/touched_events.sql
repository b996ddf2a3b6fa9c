{#- The events that an incremental table over them has to compute anew, and nothing else:
    good ones up to the instant, of every key that

      - got an event in a batch which the table has not integrated,
      - has an event later than all that the table knows (the instant moved on), or
      - ends after the instant (the instant moved back; rows that begin after it were
        taken out by forget_events).

    It follows from the tables alone: a run that was killed, or that did not happen, is
    made up for by the next. `integrated_batch` is what the table has to keep as `batch`.

    Arguments: by, the keys (actor_id, activity_on); until, the table's column with the
    time of a row's last event. -#}
{% macro touched_events(by, until) -%}
    {%- set arrivals = ref('stg_events__arrivals') -%}
    {%- set since = touched_since(until) if 'activity_on' in by else none -%}
    {%- set keys = {'actor_id': 'events.actor_id', 'activity_on': 'cast(events.occurred_at as date)'} -%}
select
    events.event_key,
    events.source_system,
    events.actor_id,
    events.user_id,
    events.email,
    events.anonymous_id,
    events.account_id,
    events.event_name,
    events.app,
    events.device,
    events.os,
    events.browser,
    events.occurred_at,
    cast(events.occurred_at as date) as activity_on,
    batches.integrated_batch
from {{ arrivals }} as events
cross join (select max(batch) as integrated_batch from {{ arrivals }}) as batches
{%- if is_incremental() %}
inner join (
    select {% for key in by %}{{ keys[key] }} as {{ key }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ arrivals }} as events
    cross join (
        select
            coalesce(max(batch), 0) as batch,
            coalesce(max({{ until }}), timestamp '0001-01-01 00:00:00') as known_until
        from {{ this }}
    ) as known
    where
        events.actor_id is not null
        and events.occurred_at <= {{ as_of() }}
        {%- if since %}
        and events.occurred_at >= {{ since }}
        {%- endif %}
        and (events.batch > known.batch or events.occurred_at > known.known_until)
    union
    select {{ by | join(', ') }}
    from {{ this }}
    where {{ until }} > {{ as_of() }}
) as touched
    on {% for key in by %}{{ keys[key] }} = touched.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endif %}
where
    events.reject_reason is null
    and events.actor_id is not null
    and events.occurred_at <= {{ as_of() }}
    {%- if since %}
    and events.occurred_at >= {{ since }}
    {%- endif %}
{%- endmacro %}
