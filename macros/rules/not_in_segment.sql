{#- Whether the row is no member of another segment by the same evaluation: the opposite of
    in_segment. Argument: id, of the other segment. -#}
{% macro not_in_segment(id) -%}
    not exists (select 1 from __members_of:{{ checked_segment('not_in_segment', id) }}__ as members where members.entity_id = __subject__)
{%- endmacro %}
