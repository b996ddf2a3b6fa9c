{#- A model's schema is the one its folder names, the same on every engine and
    target: what BI and syncs rely on is `segments.segment_membership`, not
    `<profile>_segments.segment_membership`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
