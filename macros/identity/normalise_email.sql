{#- An e-mail as an identifier: trimmed and lower case; null when it cannot be an
    address at all. Dots and plus tags are kept: they tell people apart at most
    providers. -#}
{% macro normalise_email(expression) -%}
    case when {{ expression }} like '%_@_%._%' then lower(trim({{ expression }})) end
{%- endmacro %}
