{#- A value that is only true from a later milestone of its row on (a ticket is
    `solved` from solved_at): before the milestone, `instead`. A row without the
    milestone keeps its value. For `derived` of staging_interface.

    Arguments: column, milestone (columns of the interface), instead (SQL). -#}
{% macro known_since(column, milestone, instead='null') -%}
    {{- return(
        'case when adapted.' ~ milestone ~ ' > ' ~ as_of() ~ ' then ' ~ instead ~ ' else adapted.' ~ column ~ ' end'
    ) -}}
{%- endmacro %}
