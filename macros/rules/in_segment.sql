{#- Whether the row is a member of another segment by the same evaluation. Of a segment of
    accounts, a customer is one if its account is; of a segment of customers, an account is
    one if any of its people is.

    Argument: id, of the other segment. -#}
{% macro in_segment(id) -%}
    __subject__ in (select entity_id from __members_of:{{ checked_segment('in_segment', id) }}__ as members)
{%- endmacro %}
