{#- One setting of the variable `events`, or its default. Stops for a name that is not
    a setting and for a value that it cannot take, whichever setting is asked for.
    Argument: name. -#}
{% macro event_setting(name) %}
    {%- set settings = {
        'lookback_days': 3,
        'max_days_late': 365,
        'max_days_before_customer': 365,
        'sign_up_event': 'signed_up',
        'value_event': none,
        'bookkeeping': ['identified', 'grouped'],
        'not_features': ['page_viewed', 'screen_viewed'],
        'flows': {},
    } -%}
    {%- set given = var('events', none) or {} -%}
    {%- if given is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            "The variable events is '" ~ given ~ "'. It takes a mapping of settings: " ~ settings | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- for key, value in given.items() -%}
        {%- if key not in settings -%}
            {%- do exceptions.raise_compiler_error(
                "The variable events has the unknown setting '" ~ key ~ "'. Settings: " ~ settings | join(', ') ~ "."
            ) -%}
        {%- endif -%}
        {%- set wanted = _wanted_event_setting(key, value) | trim -%}
        {%- if wanted -%}
            {%- do exceptions.raise_compiler_error(
                "events." ~ key ~ " is '" ~ value ~ "'. Accepted: " ~ wanted ~ "."
            ) -%}
        {%- endif -%}
        {%- do settings.update({key: value}) -%}
    {%- endfor -%}
    {{- return(settings[name]) -}}
{% endmacro %}


{#- What a setting accepts, if the value is not that. -#}
{% macro _wanted_event_setting(name, value) -%}
    {%- if name in ('lookback_days', 'max_days_late', 'max_days_before_customer') -%}
        {%- set may_be_null = name != 'lookback_days' -%}
        {%- set is_days = value is integer and value is not boolean and value >= 0 -%}
        {%- if not is_days and not (may_be_null and value is none) -%}
            a whole number of days{{ ', or null for no limit' if may_be_null }}
        {%- endif -%}
    {%- elif name in ('sign_up_event', 'value_event') -%}
        {%- if value is not none and value is not string -%}the name of an event, or null{%- endif -%}
    {%- elif name in ('bookkeeping', 'not_features') -%}
        {%- if value is string or value is mapping or value is not sequence -%}a list of event names{%- endif -%}
    {%- else -%}
        {%- set wrong = [] -%}
        {%- for flow in (value.values() if value is mapping else [none])
            if flow is not mapping or flow.keys() | sort != ['finish', 'start'] -%}
            {%- do wrong.append(flow) -%}
        {%- endfor -%}
        {%- if wrong -%}
            flows by name, each with the event that starts it and the one that finishes it, such as {checkout:
            {{- ' {start: checkout_started, finish: checkout_completed}}' -}}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
