{#- One setting of the variable `events`, or its default. Stops for a name that is not
    a setting and for a value that it cannot take. Argument: name. -#}
{% macro event_setting(name) %}
    {%- set defaults = {
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
            "The variable events is '" ~ given ~ "'. It takes a mapping of settings: " ~ defaults | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- for key in given if key not in defaults -%}
        {%- do exceptions.raise_compiler_error(
            "The variable events has the unknown setting '" ~ key ~ "'. Settings: " ~ defaults | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    {%- set value = given.get(name, defaults[name]) -%}

    {%- set wanted = none -%}
    {%- if name == 'lookback_days' or (name in ('max_days_late', 'max_days_before_customer') and value is not none) -%}
        {%- if value is not integer or value is boolean or value < 0 -%}
            {%- set wanted = 'a whole number of days' -%}
        {%- endif -%}
    {%- elif name in ('bookkeeping', 'not_features') -%}
        {%- if value is string or value is mapping or value is not sequence -%}
            {%- set wanted = 'a list of event names' -%}
        {%- endif -%}
    {%- elif name in ('sign_up_event', 'value_event') -%}
        {%- if value is not none and value is not string -%}
            {%- set wanted = 'the name of an event, or null' -%}
        {%- endif -%}
    {%- elif name == 'flows' -%}
        {%- set flows = value if value is mapping else {'': none} -%}
        {%- for flow in flows.values() if flow is not mapping or flow.keys() | sort != ['finish', 'start'] -%}
            {%- do exceptions.raise_compiler_error(
                "events.flows is '" ~ value ~ "'. Accepted: flows by name, each with the event that starts it and the one "
                ~ "that finishes it, such as {checkout: {start: checkout_started, finish: checkout_completed}}."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if wanted -%}
        {%- do exceptions.raise_compiler_error("events." ~ name ~ " is '" ~ value ~ "'. Accepted: " ~ wanted ~ ".") -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}
