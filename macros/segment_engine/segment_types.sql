{#- The kinds of segmentation a segment may be of: its `type`, and the name of its folder. -#}
{% macro segment_types() %}
    {{- return([
        'a_priori', 'demographic', 'geographic', 'firmographic', 'technographic', 'psychographic',
        'behavioural', 'journey', 'product_usage', 'needs', 'survey', 'support',
        'value', 'loyalty', 'health',
    ]) -}}
{% endmacro %}
