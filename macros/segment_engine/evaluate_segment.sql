{#- The members of one segment as (segment_id, entity, entity_id), by its rule.
    Arguments: definition; relations, as for resolve_markers. -#}
{% macro evaluate_segment(definition, relations={}) -%}
    {%- set alias = definition.entity[0] -%}
select
    '{{ definition.id }}' as segment_id,
    '{{ definition.entity }}' as entity,
    {{ alias }}.{{ definition.entity }}_id as entity_id
from {{ ref(definition.entity ~ '_360') }} as {{ alias }}
{%- if definition.entity == 'customer' and definition.columns_used.account %}
left join {{ ref('account_360') }} as a on c.account_id = a.account_id
{%- endif %}
where
    {{ rule_sql(definition, relations=relations) }}
{%- endmacro %}
