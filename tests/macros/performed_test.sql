-- Days of the window, to the second: from the first second of the first day to the last of
-- as_of_date(). The instant itself lies on that day, except at midnight, when it begins the
-- next. How often adds up over days, devices and the events named.
{%- set first_second = 'cast(' ~ as_of_date() ~ " - 6 as timestamp)" %}
{%- set next_midnight = 'cast(' ~ as_of_date() ~ " + 1 as timestamp)" %}
{%- set probe = {'entity': 'customer'} %}
{%- set read = {'daily_activity': 'activity'} %}
with events as (
    select
        'the first second of the first day' as customer_id,
        'paid' as event_name,
        {{ first_second }} as occurred_at,
        1 as event_count
    union all
    select
        'a second before it' as customer_id,
        'paid' as event_name,
        {{ first_second }} - interval '1' second as occurred_at,
        1 as event_count
    union all
    select
        'the last second of the last day' as customer_id,
        'paid' as event_name,
        {{ next_midnight }} - interval '1' second as occurred_at,
        1 as event_count
    union all
    select
        'a second after it' as customer_id,
        'paid' as event_name,
        {{ next_midnight }} as occurred_at,
        1 as event_count
    union all
    select
        'a second before the instant' as customer_id,
        'paid' as event_name,
        {{ as_of() }} - interval '1' second as occurred_at,
        1 as event_count
    union all
    select
        'at the instant' as customer_id,
        'paid' as event_name,
        {{ as_of() }} as occurred_at,
        1 as event_count
    union all
    select
        'another event' as customer_id,
        'asked' as event_name,
        {{ first_second }} as occurred_at,
        7 as event_count
    union all
    select
        'three on two days' as customer_id,
        'paid' as event_name,
        {{ first_second }} as occurred_at,
        2 as event_count
    union all
    select
        'three on two days' as customer_id,
        'asked' as event_name,
        {{ next_midnight }} - interval '1' second as occurred_at,
        1 as event_count
),

activity as (
    select
        customer_id,
        event_name,
        cast(occurred_at as date) as activity_on,
        event_count
    from events
),

customers as (
    select distinct customer_id from events
    union all
    select 'nobody did anything' as customer_id
),

answered as (
    select
        c.customer_id as example,
        {{ resolve_markers(performed('paid', within=7), probe, relations=read) }} as once,
        {{ resolve_markers(performed('paid'), probe, relations=read) }} as ever,
        {{ resolve_markers(performed(['paid', 'asked'], at_least=3, within=7), probe, relations=read) }} as thrice
    from customers as c
),

expected as (
    select
        customer_id as example,
        customer_id in (
            'the first second of the first day', 'the last second of the last day', 'a second before the instant',
            'three on two days'
        )
        or (customer_id = 'at the instant' and cast({{ as_of() }} as date) = {{ as_of_date() }}) as once,
        customer_id in (
            'the first second of the first day', 'a second before it', 'the last second of the last day',
            'a second before the instant', 'three on two days'
        )
        or (customer_id = 'at the instant' and cast({{ as_of() }} as date) = {{ as_of_date() }}) as ever,
        customer_id in ('another event', 'three on two days') as thrice
    from customers
)

select
    answered.*,
    expected.once as expected_once,
    expected.ever as expected_ever,
    expected.thrice as expected_thrice
from answered
inner join expected on answered.example = expected.example
where
    answered.once is distinct from expected.once
    or answered.ever is distinct from expected.ever
    or answered.thrice is distinct from expected.thrice
