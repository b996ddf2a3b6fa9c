{#- The generic events that are not used, one row each with every reason; the arm of a union
    in operations.rejected_rows. A second delivery of the same event is left out without a word,
    another event under the id of one before is not. -#}
{% macro rejected_events() %}
select
    'events' as domain,
    'events' as entity,
    'generic' as source_system,
    event_id as row_key,
    concat_ws(
        '; ',
        case when is_repeated then 'the event id is that of an earlier event' end,
        case when is_outside then 'lies outside its subscription''s dates' end
    ) as reason,
    concat_ws(
        ', ',
        'occurred_at = ' || cast(occurred_at as {{ dbt.type_string() }}),
        'subscription_id = ' || subscription_id
    ) as found,
    loaded_at
from (
    select
        *,
        delivery > 1
        and concat_ws('|', event_name, occurred_at, user_id, anonymous_id, subscription_id) <> first_content as is_repeated
    from (
        select
            *,
            row_number() over (partition by event_id order by received_at, occurred_at) as delivery,
            first_value(concat_ws('|', event_name, occurred_at, user_id, anonymous_id, subscription_id)) over (
                partition by event_id order by received_at, occurred_at
            ) as first_content,
            {{ outside_its_subscription('events') }} as is_outside
        from (
            {{ raw_table('generic', 'events') }}
        ) as events
        where occurred_at <= {{ as_of() }}
    ) as delivered
) as judged
where is_repeated or is_outside
{% endmacro %}
