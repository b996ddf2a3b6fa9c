{#- Pre-hook of models: tells an engine not to spend more on preparing a query than the
    query takes. -#}
{% macro plan_plainly() -%}
    {{ return(adapter.dispatch('plan_plainly', 'strata')()) }}
{%- endmacro %}


{% macro default__plan_plainly() -%}
{%- endmacro %}


{#- PostgreSQL compiled the expressions of identity_assignments for 8.3 s and then ran them
    over the demo's 8,000 identifiers in 0.1 s. -#}
{% macro postgres__plan_plainly() -%}
    set local jit = off
{%- endmacro %}
