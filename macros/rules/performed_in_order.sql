{#- Whether a customer, or the people of an account together, did several things one after
    the other, whatever else happened between them.

    The first of each step after the step before is taken, so one pass over the events
    named finds a sequence if there is one.

    Arguments: events, at least two names (or lists of names, any of which is the step),
    each later than the one before it; within, all in so many times 24 hours that end at
    the instant, or none. -#}
{% macro performed_in_order(events, within=none) -%}
    {%- if events is string or events is mapping or events is not iterable or events | length < 2 -%}
        {%- do exceptions.raise_compiler_error(
            "performed_in_order() is given the events " ~ tojson(events)
            ~ ". It takes a list of at least two, in their order, such as ['signed_up', 'project_created']."
        ) -%}
    {%- endif -%}
    {%- do checked_whole_number('performed_in_order', 'within', within, optional=true) -%}
    {%- set steps = [] -%}
    {%- set names = [] -%}
    {%- for event in events -%}
        {%- do steps.append(checked_events('performed_in_order', event)) -%}
        {%- do names.extend(steps[-1]) -%}
    {%- endfor -%}
    {%- set rows = namespace(sql='__events__ as events') -%}
    {%- set window = 'event_name in ' ~ event_names(names | unique)
        ~ (' and occurred_at > ' ~ as_of() ~ " - interval '" ~ within ~ "' day" if within)
        ~ ' and occurred_at <= ' ~ as_of() -%}
    {%- for step in steps[:-1] -%}
        {%- set rows.sql = '(select __key__, event_name, occurred_at, min(case when event_name in ' ~ event_names(step)
            ~ (' and occurred_at > step_at' if not loop.first)
            ~ ' then occurred_at end) over (partition by __key__) as step_at from ' ~ rows.sql
            ~ (' where ' ~ window if loop.first) ~ ') as step_' ~ loop.index -%}
    {%- endfor -%}
    __subject__ in (select __key__ from {{ rows.sql }} where event_name in {{ event_names(steps[-1]) }} and occurred_at > step_at)
{%- endmacro %}
