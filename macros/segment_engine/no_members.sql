{#- No members, in the shape of `evaluate_segment`. -#}
{% macro no_members() -%}
select
    cast(null as {{ dbt.type_string() }}) as segment_id,
    cast(null as {{ dbt.type_string() }}) as entity,
    cast(null as {{ dbt.type_string() }}) as entity_id
from (select 1 as nothing) as absent
where 1 = 0
{%- endmacro %}
