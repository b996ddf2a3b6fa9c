{#- Whether a customer, or the people of an account together, did several things one after
    the other, whatever else happened between them.

    The first of each step after the step before is taken, which finds a sequence if there
    is one, in one join for each step.

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
    {%- for event in events -%}
        {%- do steps.append(checked_events('performed_in_order', event)) -%}
    {%- endfor -%}
    {%- set before = namespace(sql=none) -%}
    {%- set window = (' and events.occurred_at > ' ~ as_of() ~ " - interval '" ~ within ~ "' day" if within else '')
        ~ ' and events.occurred_at <= ' ~ as_of() -%}
    {%- for step in steps -%}
        {%- set relation = '__events__ as events' if loop.first
            else before.sql ~ ' inner join __events__ as events on step_' ~ loop.index0 ~ '.__key__ = events.__key__' -%}
        {%- set after = window if loop.first
            else ' and events.occurred_at > step_' ~ loop.index0 ~ '.step_at and events.occurred_at <= ' ~ as_of() -%}
        {%- set rest = 'from ' ~ relation ~ ' where events.event_name in ' ~ event_names(step) ~ after -%}
        {%- set before.sql = 'select events.__key__ ' ~ rest if loop.last
            else '(select events.__key__, min(events.occurred_at) as step_at ' ~ rest ~ ' group by events.__key__) as step_' ~ loop.index -%}
    {%- endfor -%}
    __subject__ in ({{ before.sql }})
{%- endmacro %}
