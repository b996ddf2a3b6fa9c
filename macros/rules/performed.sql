{#- Whether a customer did something, or the people of an account did, at least so often.

    Arguments: event, a name or a list of names, any of which counts; at_least, how often
    in all; within, on one of so many calendar days that end with as_of_date(), or none. -#}
{% macro performed(event, at_least=1, within=none) -%}
    {%- set names = checked_events('performed', event) -%}
    {%- do checked_whole_number('performed', 'at_least', at_least) -%}
    {%- do checked_whole_number('performed', 'within', within, optional=true) -%}
    __subject__ in (select __key__ from __daily_activity__ as activity where event_name in {{ event_names(names) }} and {{ activity_days(within) }}
    {%- if at_least > 1 %} group by __key__ having sum(event_count) >= {{ at_least }}{% endif -%}
    )
{%- endmacro %}
