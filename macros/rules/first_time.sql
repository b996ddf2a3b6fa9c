{#- Whether a customer, or the first person of an account, did something for the first time
    ever on one of the last `within` calendar days.

    Arguments: event, a name or a list of names, the first of any counts; within, days. -#}
{% macro first_time(event, within) -%}
    {%- set names = checked_events('first_time', event) -%}
    {%- do checked_whole_number('first_time', 'within', within) -%}
    __subject__ in (select __key__ from __daily_activity__ as activity where event_name in {{ event_names(names) }} and {{ activity_days() }} group by __key__ having min(activity_on) > {{ as_of_date() }} - {{ within }})
{%- endmacro %}
