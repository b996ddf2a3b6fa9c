{#- One setting of the variable `identity`; its default where the project does not say.
    Argument: name. -#}
{% macro identity_setting(name) %}
    {%- set defaults = {
        'ignore_dots': false,
        'ignore_plus_tags': false,
        'max_holders': {'contact_id': 5, 'billing_customer_id': 50, 'user_id': 5},
        'max_emails_per_phone': 1,
        'max_component_size': 100,
        'max_quarantined_share': 0.1,
        'probabilistic': false,
        'match_threshold': none,
    } -%}
    {%- set given = var('identity', {}) or {} -%}
    {%- if given is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            "The variable identity is '" ~ given ~ "'. It takes a mapping of: " ~ defaults | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- for key in given if key not in defaults -%}
        {%- do exceptions.raise_compiler_error(
            "The variable identity has the unknown setting '" ~ key ~ "'. Accepted: " ~ defaults | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    {%- set value = given.get(name, defaults[name]) -%}

    {%- if name in ['ignore_dots', 'ignore_plus_tags', 'probabilistic'] -%}
        {%- if value is not boolean -%}{%- do _wrong_identity_setting(name, value, 'true or false') -%}{%- endif -%}
    {%- elif name in ['max_emails_per_phone', 'max_component_size'] -%}
        {%- if value is not integer or value is boolean or value < 1 -%}
            {%- do _wrong_identity_setting(name, value, 'a whole number from 1') -%}
        {%- endif -%}
    {%- elif name == 'max_quarantined_share' -%}
        {%- if value is not number or value is boolean or value < 0 or value > 1 -%}
            {%- do _wrong_identity_setting(name, value, 'a share from 0 to 1') -%}
        {%- endif -%}
    {%- elif name == 'max_holders' -%}
        {%- set limits = dict(defaults[name]) -%}
        {%- for type, limit in (value.items() if value is mapping else []) -%}
            {%- if type not in limits or limit is not integer or limit is boolean or limit < 1 -%}
                {%- do _wrong_identity_setting(name, value, 'whole numbers from 1 for ' ~ limits | join(', ')) -%}
            {%- endif -%}
            {%- do limits.update({type: limit}) -%}
        {%- else -%}
            {%- do _wrong_identity_setting(name, value, 'whole numbers from 1 for ' ~ limits | join(', ')) -%}
        {%- endfor -%}
        {{- return(limits) -}}
    {%- elif value is not none -%}
        {%- if value is not number or value is boolean or value < 0.5 or value > 1 -%}
            {%- do _wrong_identity_setting(name, value, 'null or a probability from 0.5 to 1') -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _wrong_identity_setting(name, value, accepted) %}
    {%- do exceptions.raise_compiler_error(
        "The setting " ~ name ~ " of the variable identity is '" ~ value ~ "'. It takes " ~ accepted ~ "."
    ) -%}
{% endmacro %}
