{#- Whether the row entered another segment, or this one, in the last `days` times 24
    hours, whether or not it left since. What was published before the instant counts, so
    that running an instant again finds the same.

    Arguments: id, of the segment; days. -#}
{% macro entered_within(id, days) -%}
    {%- do checked_whole_number('entered_within', 'days', days) -%}
    __subject__ in (select entity_id from __stays_of:{{ checked_segment('entered_within', id) }}__ as stays where valid_from > {{ as_of() }} - interval '{{ days }}' day and valid_from < {{ as_of() }})
{%- endmacro %}
