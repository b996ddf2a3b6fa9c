-- depends_on: {{ ref('customer_360') }}
-- depends_on: {{ ref('account_360') }}
-- depends_on: {{ ref('fct_daily_activity') }}
-- depends_on: {{ ref('fct_customer_events') }}
-- depends_on: {{ ref('segment_overrides') }}
{#- A segment with nothing but a rule is read straight into the result, those whose rules
    name nothing but columns together; one of a priority group, on a manual list or that
    others refer to has CTEs: `outcomes_of_<id>`, and for those who refer to it
    `members_of_<id>` (entity_id). -#}
{%- set definitions = segment_definitions() %}
{%- set overridden = overridden_segments() %}
{%- set members = {} %}
{%- set evaluated = [] %}
{%- for id in evaluation_order(definitions) if not definitions[id].not_evaluated_reason %}
{%- do evaluated.append(definitions[id]) %}
{%- endfor %}
{%- set staged = [] %}
{%- for definition in evaluated
    if definition.priority_group is not none or definition.id in overridden or definition.read_by %}
{%- do staged.append(definition) %}
{%- endfor %}
{%- set plain = evaluated | rejectattr('id', 'in', staged | map(attribute='id') | list) | list %}
{%- set together = plain | selectattr('names_only_columns') | list %}
{%- set apart = plain | rejectattr('names_only_columns') | list %}
{%- if staged %}

with overrides as (
    select
        segment_id,
        entity,
        entity_id,
        action
    from {{ ref('segment_overrides') }}
    where is_applied
)
{%- endif %}
{%- for definition in staged %}
{%- set rivals = higher_ranked(definitions, definition) | select('in', evaluated | map(attribute='id') | list) | list %}
{%- set peers = evaluated | selectattr('priority_group', 'equalto', definition.priority_group) | list
    if definition.priority_group is not none else [] %}
{%- set is_chosen_by_hand = peers | selectattr('id', 'in', overridden) | list | length > 0 %},

outcomes_of_{{ definition.id }} as (
    select
        found.segment_id,
        found.entity,
        found.entity_id,
        case
            when overrides.action = 'exclude' then 'manual_exclude'
            {%- if is_chosen_by_hand %}
            when chosen.segment_id <> '{{ definition.id }}' then 'preempted'
            {%- endif %}
            when overrides.action = 'include' then 'manual_include'
            {%- for rival in rivals %}
            when rival_{{ loop.index }}.entity_id is not null then 'preempted'
            {%- endfor %}
            else 'condition_met'
        end as outcome
    from (
        {{ evaluate_segment(definition, members) | indent(8) }}
        {%- if definition.id in overridden %}
        union
        select
            segment_id,
            entity,
            entity_id
        from overrides
        where segment_id = '{{ definition.id }}' and action = 'include'
        {%- endif %}
    ) as found
    left join overrides on found.segment_id = overrides.segment_id and found.entity_id = overrides.entity_id
    {%- if is_chosen_by_hand %}
    {#- Who is put into a segment of the group by hand belongs there, whatever the ranks. #}
    left join (
        select
            entity_id,
            segment_id,
            row_number() over (
                partition by entity_id
                order by case segment_id {% for peer in peers %}when '{{ peer.id }}' then {{ peer.priority }} {% endfor %}end
            ) as position
        from overrides
        where action = 'include' and segment_id in ('{{ peers | map(attribute="id") | join("', '") }}')
    ) as chosen on found.entity_id = chosen.entity_id and chosen.position = 1
    {%- endif %}
    {%- for rival in rivals %}
    left join outcomes_of_{{ rival }} as rival_{{ loop.index }}
        on found.entity_id = rival_{{ loop.index }}.entity_id
        and rival_{{ loop.index }}.outcome in ('condition_met', 'manual_include')
    {%- endfor %}
)
{%- if definition.read_by %}{%- do members.update({'members_of:' ~ definition.id: 'members_of_' ~ definition.id}) %},

members_of_{{ definition.id }} as (
    select entity_id
    from outcomes_of_{{ definition.id }}
    where outcome in ('condition_met', 'manual_include')
)
{%- endif %}
{%- endfor %}

{#- Where no segment is evaluated, nothing follows this. #}
select
    segment_id,
    entity,
    entity_id,
    'condition_met' as outcome
from (
    {{ no_members() | indent(4) }}
) as found
{%- for definition in staged %}
union all
select * from outcomes_of_{{ definition.id }}
{%- endfor %}
{%- for definition in apart %}
union all
select
    segment_id,
    entity,
    entity_id,
    'condition_met' as outcome
from (
    {{ evaluate_segment(definition, members) | indent(4) }}
) as found
{%- endfor %}
{%- for entity, alike in together | groupby('entity') %}
union all
select
    segment_id,
    entity,
    entity_id,
    'condition_met' as outcome
from (
    {{ evaluate_segments(alike) | indent(4) }}
) as found
{%- endfor %}
