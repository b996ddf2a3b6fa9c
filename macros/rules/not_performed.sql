{#- Whether a customer, or everybody of an account, did not do something.

    `not exists` rather than `not in`: PostgreSQL plans an anti join for it at any size,
    and `not in` compares every pair of rows once the list outgrows its memory.

    Arguments: event, a name or a list of names, none of which was done; within, on any of
    so many calendar days that end with as_of_date(), or none for ever. -#}
{% macro not_performed(event, within=none) -%}
    {%- set names = checked_events('not_performed', event) -%}
    {%- do checked_whole_number('not_performed', 'within', within, optional=true) -%}
    not exists (select 1 from __daily_activity__ as activity where activity.__key__ = __subject__ and activity.event_name in {{ event_names(names) }} and {{ activity_days(within).replace('activity_on', 'activity.activity_on') }})
{%- endmacro %}
