{#- A definition that was not reviewed in time is a warning, and after the grace period
    (variable `review_grace_days`) an error; both as of the run's instant.

    Arguments: definition, one of segment_definitions(); is_told, whether to warn: definitions
    are read once for many models, and whichever is the first, the registry is who says it. -#}
{% macro check_review_date(definition, is_told=false) %}
    {%- if not execute or definition.review_by is none -%}{{- return('') -}}{%- endif -%}
    {%- set today = modules.datetime.datetime.strptime(as_of_text()[:10], '%Y-%m-%d') -%}
    {%- set due = modules.datetime.datetime.strptime(definition.review_by, '%Y-%m-%d') -%}
    {%- set days_late = (today - due).days -%}
    {%- set grace_days = var('review_grace_days', 30) | int -%}
    {%- set found -%}
        segment__{{ definition.id }} ({{ definition.path }}) was to be reviewed by {{ definition.review_by }}, {{ days_late }} days before the instant
    {%- endset -%}
    {%- if days_late > grace_days -%}
        {%- do exceptions.raise_compiler_error(
            found ~ ', and ' ~ grace_days ~ ' are accepted (review_grace_days). Look at it again, then set a later review_by.'
        ) -%}
    {%- elif days_late > 0 and is_told -%}
        {%- do exceptions.warn(
            found ~ '. After ' ~ grace_days ~ ' days (review_grace_days) no run starts until review_by is set later.'
        ) -%}
    {%- endif -%}
{% endmacro %}
