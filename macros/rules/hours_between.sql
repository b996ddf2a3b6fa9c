{#- Hours from one time to another as decimal(18,2), rounded half up; null where either is
    null or the end comes first. Whole seconds are divided, so that every engine rounds the
    same way. -#}
{% macro hours_between(start, end) -%}
    {{ adapter.dispatch('hours_between', 'strata')(start, end) }}
{%- endmacro %}


{% macro default__hours_between(start, end) -%}
    cast(case
        when {{ end }} >= {{ start }}
            then cast(floor((floor(extract(epoch from ({{ end }} - {{ start }}))) + 18) / 36.0) as bigint)
    end / 100.0 as decimal(18, 2))
{%- endmacro %}
