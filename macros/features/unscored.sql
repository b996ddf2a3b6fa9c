{#- The inputs of the entities of which int_scores has no score: all of them in a full build.
    The body of a CTE. Argument: entity (customer or account). -#}
{% macro unscored(entity) -%}
select inputs.*
from {{ ref('int_' ~ entity ~ 's__score_inputs') }} as inputs
{%- if is_incremental() %}
left join (select distinct entity_id from {{ this }} where entity = '{{ entity }}') as scored
    on inputs.{{ entity }}_id = scored.entity_id
where scored.entity_id is null
{%- endif %}
{%- endmacro %}
