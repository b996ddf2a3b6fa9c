{#- How scores are made, as text that changes when the seeds or the SQL do. -#}
{% macro scores_made_from() -%}
    {{- return(made_from([], score_points('customer', 'inputs') ~ score_points('account', 'inputs'))) -}}
{%- endmacro %}
