{#- The membership history as earlier runs left it, for a `from`; no rows before the first run.
    It is read as a source because this run will write it further down the graph. -#}
{% macro published_history() -%}
    {%- set relation = source('published', 'segment_membership_history') -%}
    {%- set columns = {
        'segment_id': {'data_type': 'string'},
        'entity': {'data_type': 'string'},
        'entity_id': {'data_type': 'string'},
        'valid_from': {'data_type': 'timestamp'},
        'valid_to': {'data_type': 'timestamp'},
        'entered_at': {'data_type': 'timestamp'},
    } -%}
    {%- if execute and load_relation(relation) -%}
(select {{ columns_or_null(relation, columns) }} from {{ relation }})
    {%- else -%}
({{ no_rows(columns) }})
    {%- endif -%}
{%- endmacro %}
