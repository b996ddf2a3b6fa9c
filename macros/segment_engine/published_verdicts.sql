{#- The verdicts that earlier runs left, for a `from`; no rows before the first run. -#}
{% macro published_verdicts() -%}
    {%- set relation = source('published', 'segment_verdicts') -%}
    {%- if execute and load_relation(relation) -%}
{{ relation }}
    {%- else -%}
({{ no_rows({
    'segment_id': {'data_type': 'string'},
    'verdict': {'data_type': 'string'},
    'as_of': {'data_type': 'timestamp'},
}) }})
    {%- endif -%}
{%- endmacro %}
