{#- The channels an audience may be for; `none` is for colleagues and systems, where nobody is contacted. -#}
{% macro audience_channels() %}
    {{- return(['email', 'sms', 'push', 'ads', 'phone', 'none']) -}}
{% endmacro %}
