{#- Whether a customer, or the people of an account, did something on one of the last
    `within` calendar days, after at least `pause` whole days without, having done it
    before.

    Arguments: event, a name or a list of names, any of which counts; within, days in which
    they came back; pause, days without. -#}
{% macro started_again(event, within, pause) -%}
    {%- set names = checked_events('started_again', event) -%}
    {%- do checked_whole_number('started_again', 'within', within) -%}
    {%- do checked_whole_number('started_again', 'pause', pause) -%}
    __subject__ in (select __key__ from (select __key__, activity_on, lag(activity_on) over (partition by __key__ order by activity_on) as previous_on from __daily_activity__ as activity where event_name in {{ event_names(names) }} and {{ activity_days() }}) as days where {{ activity_days(within) }} and activity_on > previous_on + {{ pause }})
{%- endmacro %}
