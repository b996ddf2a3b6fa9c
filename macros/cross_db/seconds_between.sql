{#- Whole seconds from one time to a later one, as a bigint; null for null.
    Arguments: earlier, later (SQL). -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'strata')(earlier, later)) }}
{%- endmacro %}


{% macro default__seconds_between(earlier, later) -%}
    {{- return("cast(floor(extract(epoch from (" ~ later ~ " - " ~ earlier ~ "))) as bigint)") -}}
{%- endmacro %}


{% macro spark__seconds_between(earlier, later) -%}
    {{- return("timestampdiff(second, " ~ earlier ~ ", " ~ later ~ ")") -}}
{%- endmacro %}
