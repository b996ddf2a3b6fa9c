{#- Whether a customer, or the people of an account, did something in the `before` calendar
    days before the last `within`, and not in those.

    Arguments: event, a name or a list of names, any of which counts; within, days without;
    before, days before those. -#}
{% macro stopped_performing(event, within, before) -%}
    {%- set names = checked_events('stopped_performing', event) -%}
    {%- do checked_whole_number('stopped_performing', 'within', within) -%}
    {%- do checked_whole_number('stopped_performing', 'before', before) -%}
    __subject__ in (select __key__ from __daily_activity__ as activity where event_name in {{ event_names(names) }} and {{ activity_days(within + before) }} group by __key__ having max(activity_on) <= {{ as_of_date() }} - {{ within }})
{%- endmacro %}
