-- depends_on: {{ ref('customer_360') }}
-- depends_on: {{ ref('account_360') }}
{%- for definition in segment_definitions().values() %}
{%- do check_review_date(definition, is_told=true) %}
select
    {{ text_literal(definition.id) }} as segment_id,
    {{ text_literal(definition.label) }} as label,
    {{ text_literal(definition.description) }} as description,
    {{ text_literal(definition.entity) }} as entity,
    {{ text_literal(definition.type) }} as type,
    {{ text_literal(definition.owner) }} as owner,
    {{ text_literal(tojson(definition.rule)) }} as conditions,
    {{ text_literal(definition.definition_version) }} as definition_version,
    cast({{ text_literal(definition.review_by) }} as date) as review_by,
    {{ text_literal(definition.purpose) }} as purpose,
    {{ text_literal(definition.requires | join(',')) }} as requires,
    {%- set columns_used = [] %}
    {%- for entity, columns in definition.columns_used.items() %}
    {%- for column in columns %}{% do columns_used.append(entity ~ '.' ~ column) %}{% endfor %}
    {%- endfor %}
    {{ text_literal(',' ~ columns_used | join(',') ~ ',') }} as columns_used,
    {{ text_literal(tojson(definition.expectations)) }} as expectations,
    cast({{ definition.min_size }} as bigint) as min_size,
    cast({{ definition.max_share }} as decimal(9, 6)) as max_share,
    cast({{ definition.max_change }} as decimal(9, 6)) as max_change,
    {{ text_literal(definition.priority_group) }} as priority_group,
    cast({{ definition.priority if definition.priority is not none else 'null' }} as integer) as priority,
    {{ text_literal(definition.refers_to | join(',')) }} as refers_to,
    {{ 'false' if definition.not_evaluated_reason else 'true' }} as is_evaluated,
    {{ text_literal(definition.not_evaluated_reason) }} as not_evaluated_reason
{{ 'union all' if not loop.last }}
{%- endfor %}
