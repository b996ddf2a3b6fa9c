{#- The ids of the segments with a manual list in force: only their evaluation looks at it. -#}
{% macro overridden_segments() %}
    {%- set overrides = load_relation(ref('segment_overrides')) if execute else none -%}
    {%- if not overrides -%}{{- return([]) -}}{%- endif -%}
    {{- return(
        run_query("select distinct segment_id from " ~ overrides ~ " where is_applied order by 1").columns[0].values() | list
    ) -}}
{% endmacro %}
