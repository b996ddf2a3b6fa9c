-- A zone that is written wins; without one, a time is in the variable `source_time_zone`.
{%- set zone = var('source_time_zone', 'UTC') %}
{%- set winter = {'UTC': '2026-01-15 12:00:00', 'Europe/Berlin': '2026-01-15 11:00:00'}.get(zone) %}
{%- set summer = {'UTC': '2026-07-01 00:30:00', 'Europe/Berlin': '2026-06-30 22:30:00'}.get(zone) %}
{%- set day = {'UTC': '2026-01-15 00:00:00', 'Europe/Berlin': '2026-01-14 23:00:00'}.get(zone) %}
with texts as (
    {%- set times = {
        '2026-01-15T12:00:00Z': '2026-01-15 12:00:00',
        '2026-01-15 12:00:00 UTC': '2026-01-15 12:00:00',
        '2026-01-15T12:00:00.250Z': '2026-01-15 12:00:00.250',
        '2026-01-01T00:30:00+02:00': '2025-12-31 22:30:00',
        '2026-01-01T00:30:00+0200': '2025-12-31 22:30:00',
        '2026-01-01 00:30:00+02': '2025-12-31 22:30:00',
        '2025-12-31T22:30:00-05:00': '2026-01-01 03:30:00',
        '2025-12-31 22:30:00-0500': '2026-01-01 03:30:00',
        '2025-12-31 22:30:00-05': '2026-01-01 03:30:00',
        ' 2026-01-15T12:00:00Z ': '2026-01-15 12:00:00',
        '': none,
        ' ': none,
    } %}
    {%- if winter %}
    {%- do times.update({
        '2026-01-15 12:00:00': winter,
        '2026-01-15T12:00:00': winter,
        '2026-07-01 00:30:00': summer,
        '2026-01-15': day,
    }) %}
    {%- endif %}
    {%- for given, expected in times.items() %}
    select
        {{ text_literal(given) }} as given,
        cast({{ text_literal(expected) }} as timestamp) as expected
    union all
    {%- endfor %}
    select
        {{ text_literal(none) }} as given,
        cast(null as timestamp) as expected
),

answered as (
    select
        given,
        expected,
        {{ to_utc('given', 'VARCHAR') }} as actual
    from texts
    union all
    select
        'a timestamp with a zone' as given,
        timestamp '2025-12-31 22:30:00' as expected,
        {{ to_utc("cast('2026-01-01 00:30:00+02:00' as timestamp with time zone)", 'TIMESTAMP WITH TIME ZONE') }}
            as actual
    {%- if winter %}
    union all
    select
        'a timestamp without a zone' as given,
        timestamp '{{ summer }}' as expected,
        {{ to_utc("timestamp '2026-07-01 00:30:00'", 'TIMESTAMP') }} as actual
    union all
    select
        'a date' as given,
        timestamp '{{ day }}' as expected,
        {{ to_utc("date '2026-01-15'", 'DATE') }} as actual
    {%- endif %}
    union all
    select
        'no timestamp' as given,
        cast(null as timestamp) as expected,
        {{ to_utc('cast(null as timestamp)', 'TIMESTAMP') }} as actual
)

select *
from answered
where actual is distinct from expected
