{#- What an entry into or exit from a segment is called, always the same. Argument: changes, the
    alias of rows of segment_changes. -#}
{% macro segment_event_key(changes) -%}
    {{ changes }}.segment_id || '|' || {{ changes }}.entity || '|' || {{ changes }}.entity_id || '|'
        || {{ changes }}.change || '|' || cast({{ changes }}.changed_at as {{ dbt.type_string() }})
{%- endmacro %}
