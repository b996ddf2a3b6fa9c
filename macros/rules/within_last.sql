{#- Whether a time lies in the window of `days` times 24 hours that ends at the
    instant: later than its start, not later than its end.

        ( as_of - days ........ as_of ]
-#}
{% macro within_last(column, days) -%}
    ({{ column }} > {{ as_of() }} - interval '{{ days }}' day and {{ column }} <= {{ as_of() }})
{%- endmacro %}
