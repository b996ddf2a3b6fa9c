{{ config(
    materialized='incremental',
    unique_key=['run_id', 'segment_id'],
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

{%- set definitions = segment_definitions() %}

with registry as (
    select * from {{ ref('segment_registry') }}
),

candidates as (
    select * from {{ ref('segment_candidates') }}
),

-- Members as they stood just before the instant, so that a replay of the instant
-- compares with the same members as the first time.
members_before as (
    select
        segment_id,
        entity_id
    from {{ published_history() }} as history
    where valid_from < {{ as_of() }} and (valid_to is null or valid_to >= {{ as_of() }})
),

-- What a person committed of what was learned; the row for this weekday and hour comes first.
learned_bounds as (
    select
        segment_id,
        cast(fewest as bigint) as fewest,
        cast(most as bigint) as most,
        cast(weekday as integer) as weekday,
        cast(hour as integer) as hour,
        row_number() over (
            partition by segment_id
            order by case when weekday is null then 1 else 0 end, case when hour is null then 1 else 0 end
        ) as preference
    from {{ ref('learned_bounds') }}
    where
        (weekday is null or cast(weekday as integer) = extract(isodow from {{ as_of() }}))
        and (hour is null or cast(hour as integer) = extract(hour from {{ as_of() }}))
),

-- What a held segment goes on showing: members published so far, this very instant included.
members_published as (
    select
        segment_id,
        count(*) as published_count
    from {{ published_history() }} as history
    where valid_to is null
    group by segment_id
),

expectation_results as (
    select * from {{ ref('expectation_results') }}
    where run_id = '{{ run_id() }}'
),

examples as (
    select * from {{ ref('segment_examples') }}
),

populations as (
    select
        'customer' as entity,
        count(*) as entity_count
    from {{ ref('customer_360') }}
    union all
    select
        'account' as entity,
        count(*) as entity_count
    from {{ ref('account_360') }}
),

{% if is_incremental() -%}
earlier_verdicts as (
    select
        segment_id,
        definition_version,
        as_of as previous_as_of,
        row_number() over (partition by segment_id order by as_of desc, run_started_at desc) as recency
    from {{ this }}
    where verdict = 'publish' and as_of < {{ as_of() }}
),
{%- else -%}
earlier_verdicts as (
    select
        segment_id,
        definition_version,
        {{ as_of() }} as previous_as_of,
        1 as recency
    from registry
    where 1 = 0
),
{%- endif %}

sizes as (
    select
        segment_id,
        count(distinct entity_id) as member_count,
        count(*) - count(distinct entity_id) as surplus_count
    from candidates
    group by segment_id
),

movements as (
    select
        coalesce(candidates.segment_id, members_before.segment_id) as segment_id,
        count(members_before.entity_id) as previous_count,
        count(case when members_before.entity_id is null then 1 end) as entered_count,
        count(case when candidates.entity_id is null then 1 end) as left_count
    from candidates
    full outer join members_before
        on candidates.segment_id = members_before.segment_id and candidates.entity_id = members_before.entity_id
    group by coalesce(candidates.segment_id, members_before.segment_id)
),

-- A member whose identity moved to another customer neither left nor entered.
moves as (
    select
        segment_id,
        count(distinct case when is_entering then to_entity_id end) as moved_in_count,
        count(distinct case when is_leaving then from_entity_id end) as moved_out_count
    from {{ ref('int_segments__moves') }}
    group by segment_id
),

-- The last word of a person about each segment.
decisions as (
    select
        *,
        row_number() over (partition by segment_id order by decided_at desc, decision_id desc) as recency
    from {{ ref('segment_decisions') }}
    where as_of <= {{ as_of() }}
),

domain_tables as (
    {%- set ns = namespace(is_first=true) %}
    {%- for domain in staging_adapters() %}
    {%- for table in domain_tables(domain) %}
    {{ 'union all' if not ns.is_first }}
    select
        '{{ domain }}' as domain,
        '{{ source_system(domain) }}' as source_system,
        '{{ table }}' as table_name
    {%- set ns.is_first = false %}
    {%- endfor %}
    {%- endfor %}
    {%- if ns.is_first %}
    select
        '' as domain,
        '' as source_system,
        '' as table_name
    {%- endif %}
),

-- Some tables of a system change rarely: it is stale when none of them was loaded in time.
stale_domains as (
    select
        domain_tables.domain,
        domain_tables.domain || ' is stale: ' || domain_tables.source_system || ' was last loaded '
        || cast(min(freshness.hours_behind) as decimal(18, 0)) || ' hours before the instant, the bound is '
        || max(freshness.error_after_hours) as problem
    from domain_tables
    inner join {{ ref('source_freshness') }} as freshness
        on domain_tables.source_system = freshness.source_system and domain_tables.table_name = freshness.table_name
    where freshness.status <> 'unknown'
    group by domain_tables.domain, domain_tables.source_system
    having min(case when freshness.status = 'error' then 1 else 0 end) = 1
),

incomplete_domains as (
    select
        domain,
        case
            when status = 'silent'
                then
                    domain || ' is silent: no row landed in the last {{ var('completeness').silent_hours }} hours, usually '
                    || cast(usual_last_hours_count as decimal(18, 0))
            else
                domain || ' is incomplete: ' || row_count || ' rows landed in the 24 hours before the instant, usually '
                || cast(usual_row_count as decimal(18, 0)) || ', the bound is '
                || cast(100 * min_share as decimal(9, 1)) || '%'
        end as problem
    from {{ ref('source_volume') }}
    where status in ('incomplete', 'silent')
),

domain_problems as (
    select * from stale_domains
    union all
    select incomplete_domains.*
    from incomplete_domains
    left join stale_domains on incomplete_domains.domain = stale_domains.domain
    where stale_domains.domain is null
),

unfit_sources as (
    select
        registry.segment_id,
        concat_ws(
            '; '
            {%- for domain in staging_adapters() %},
            max(case when domain_problems.domain = '{{ domain }}' then domain_problems.problem end)
            {%- endfor %}
        ) as problems
    from registry
    inner join domain_problems on ',' || registry.requires || ',' like '%,' || domain_problems.domain || ',%'
    group by registry.segment_id
),

failed_examples as (
    select
        segment_id,
        count(*) as failed_count,
        {{ dbt.listagg(
            "cast(example as " ~ dbt.type_string() ~ ") || ' (' || given || ') should be '"
            ~ " || case when expected then 'a member' else 'no member' end",
            "', '",
            "order by example"
        ) }} as failed
    from examples
    where expected <> actual
    group by segment_id
),

-- The columns each rule names, with the 360 they are of. The key of its own entity
-- counts among them.
rule_columns as (
    {%- for definition in definitions.values() %}
    {%- set own_key = [(definition.entity, definition.entity ~ '_id')] %}
    {%- for entity, columns in definition.columns_used.items() %}
    {%- for column in columns %}{% do own_key.append((entity, column)) %}{% endfor %}
    {%- endfor %}
    {%- set outer = loop %}
    {%- for entity, column in own_key | unique %}
    select
        '{{ definition.id }}' as segment_id,
        '{{ entity }}' as entity,
        'customer_360.{{ entity }}_360' as relation_name,
        '{{ column }}' as column_name
    {{ 'union all' if not (outer.last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

-- A failed expectation counts against the segment it is about. One about a 360 counts
-- against the segments whose rules name one of its columns; without a column it is about
-- the whole relation, and counts against every segment that reads it. One about a source
-- counts against the segments whose rules name a column that is computed from what failed,
-- or against those that require the domain.
failed_results as (
    select
        segment_id,
        relation_name,
        column_name,
        case
            {%- for domain in staging_adapters() %}
            when relation_name like 'staging.stg^_{{ domain }}^_^_%' escape '^' then '{{ domain }}'
            {%- endfor %}
        end as domain,
        affects,
        exception_message is not null as is_broken,
        coalesce(column_name || ': ', '') || expected || '; found: '
        || coalesce(exception_message, observed_value, 'not met') as words
    from expectation_results
    where not is_success and severity = 'critical'
),

failures_by_segment as (
    select
        segment_id,
        is_broken,
        words
    from failed_results
    where segment_id is not null

    union

    select
        rule_columns.segment_id,
        failed_results.is_broken,
        failed_results.words
    from failed_results
    inner join rule_columns
        on failed_results.relation_name = rule_columns.relation_name
        and (
            failed_results.column_name is null
            or ',' || failed_results.column_name || ',' like '%,' || rule_columns.column_name || ',%'
        )
    where failed_results.segment_id is null

    union

    select
        registry.segment_id,
        failed_results.is_broken,
        failed_results.words
    from failed_results
    inner join registry on ',' || registry.requires || ',' like '%,' || failed_results.domain || ',%'
    where failed_results.segment_id is null and failed_results.affects is null

    union

    select
        rule_columns.segment_id,
        failed_results.is_broken,
        failed_results.words
    from failed_results
    inner join rule_columns
        on failed_results.affects like '%,' || rule_columns.entity || '.' || rule_columns.column_name || ',%'
    where failed_results.segment_id is null
),

numbered_failures as (
    select
        *,
        row_number() over (partition by segment_id, is_broken order by words) as position
    from failures_by_segment
),

-- The first three in words, and how many there are.
failed_expectations as (
    select
        segment_id,
        count(case when not is_broken then 1 end) as failed_count,
        count(case when is_broken then 1 end) as broken_count,
        {{ dbt.listagg("case when not is_broken and position <= 3 then words end", "', '", "order by words") }} as failed,
        {{ dbt.listagg("case when is_broken and position <= 3 then words end", "', '", "order by words") }} as broken
    from numbered_failures
    group by segment_id
),

audited as (
    select distinct segment_id
    from expectation_results
    where segment_id is not null
),

measured as (
    select
        registry.*,
        earlier_verdicts.definition_version as previous_definition_version,
        earlier_verdicts.previous_as_of,
        populations.entity_count,
        coalesce(sizes.member_count, 0) as member_count,
        coalesce(sizes.surplus_count, 0) as surplus_count,
        coalesce(movements.previous_count, 0) as previous_count,
        coalesce(members_published.published_count, 0) as published_before_count,
        coalesce(movements.entered_count, 0) - coalesce(moves.moved_in_count, 0) as entered_count,
        coalesce(movements.left_count, 0) - coalesce(moves.moved_out_count, 0) as left_count,
        coalesce(moves.moved_in_count, 0) as moved_in_count,
        coalesce(moves.moved_out_count, 0) as moved_out_count,
        coalesce(failed_examples.failed_count, 0) as failed_example_count,
        failed_examples.failed as failed_examples,
        coalesce(failed_expectations.failed_count, 0) as failed_expectation_count,
        coalesce(failed_expectations.broken_count, 0) as broken_expectation_count,
        failed_expectations.failed as failed_expectations,
        failed_expectations.broken as broken_expectations,
        learned_bounds.fewest as learned_fewest,
        learned_bounds.most as learned_most,
        learned_bounds.weekday as learned_weekday,
        learned_bounds.hour as learned_hour,
        unfit_sources.problems as source_problems,
        case when decisions.decision = 'hold' then decisions.decided_by || ': ' || decisions.reason end as held_by,
        -- A release is for the next run of its version that publishes, and for running that instant again.
        case
            when
                decisions.decision = 'release'
                and decisions.definition_version = registry.definition_version
                and (earlier_verdicts.previous_as_of is null or earlier_verdicts.previous_as_of < decisions.as_of)
                then decisions.decided_by || ': ' || decisions.reason
        end as released_by,
        audited.segment_id is not null as is_audited
    from registry
    inner join populations on registry.entity = populations.entity
    left join sizes on registry.segment_id = sizes.segment_id
    left join movements on registry.segment_id = movements.segment_id
    left join moves on registry.segment_id = moves.segment_id
    left join learned_bounds on registry.segment_id = learned_bounds.segment_id and learned_bounds.preference = 1
    left join unfit_sources on registry.segment_id = unfit_sources.segment_id
    left join decisions on registry.segment_id = decisions.segment_id and decisions.recency = 1
    left join members_published on registry.segment_id = members_published.segment_id
    left join failed_examples on registry.segment_id = failed_examples.segment_id
    left join failed_expectations on registry.segment_id = failed_expectations.segment_id
    left join audited on registry.segment_id = audited.segment_id
    left join earlier_verdicts
        on registry.segment_id = earlier_verdicts.segment_id and earlier_verdicts.recency = 1
),

-- What no release lifts: without it nothing, or nothing trustworthy, could be published.
-- And what a person who has looked at the numbers may lift.
judged as (
    select
        *,
        concat_ws(
            '; ',
            not_evaluated_reason,
            case when is_evaluated then 'held by ' || held_by end,
            case
                when is_evaluated and surplus_count > 0
                    then surplus_count || ' members have no id or occur more than once'
            end,
            case
                when is_evaluated and broken_expectation_count > 0
                    then
                        'of the audit, ' || broken_expectation_count || ' could not be evaluated: '
                        || broken_expectations
            end
            {%- if not may_publish_unaudited() %},
            case
                when is_evaluated and not is_audited then 'the run was not audited'
            end
            {%- endif %}
        ) as firm_reasons,
        case
            when not is_evaluated then ''
            else
                concat_ws(
                    '; ',
                    source_problems,
                    case
                        when member_count < min_size
                            then member_count || ' members, fewer than the minimum of ' || min_size
                    end,
                    case
                        when member_count > max_share * entity_count
                            then
                                member_count || ' of ' || entity_count || ' ' || entity
                                || 's, more than the largest share of '
                                || cast(100 * max_share as decimal(9, 1)) || '%'
                    end,
                    case
                        when member_count < learned_fewest or member_count > learned_most
                            then
                                member_count || ' members, outside of ' || learned_fewest || ' to ' || learned_most
                                || ' as learned for '
                                || case
                                    when learned_hour is null then 'any time'
                                    when learned_weekday is null then 'this hour'
                                    else 'this hour and weekday'
                                end
                    end,
                    case
                        when
                            previous_count > 0
                            and entered_count + left_count > max_change * previous_count
                            and entered_count + left_count > {{ var('smallest_bounded_change', 10) }}
                            then
                                case
                                    when definition_version <> previous_definition_version
                                        then 'the definition changed and '
                                    else ''
                                end
                                || entered_count || ' would enter and ' || left_count || ' leave of '
                                || previous_count || ' members, more than the largest change of '
                                || cast(100 * max_change as decimal(9, 1)) || '%'
                    end,
                    case
                        when failed_example_count > 0
                            then
                                'of the definition''s boundary examples, ' || failed_example_count || ' fail: '
                                || failed_examples
                    end,
                    case
                        when failed_expectation_count > 0
                            then 'of the audit, ' || failed_expectation_count || ' failed: ' || failed_expectations
                    end
                )
        end as liftable_reasons
    from measured
),

self_judged as (
    select
        *,
        firm_reasons <> '' or (liftable_reasons <> '' and released_by is null) as is_held
    from judged
),

-- A segment holds those that refer to it, and while it keeps members those of its priority
-- group: they would otherwise be published in two segments of the group.
holding as (
    {%- for edge in holding_segments(definitions) %}
    select
        '{{ edge.segment_id }}' as segment_id,
        '{{ edge.root }}' as root_id,
        {{ 'true' if edge.through_peers else 'false' }} as is_through_peers,
        {% if edge.is_peer -%}
        '{{ edge.neighbour }} of its priority group is held and keeps its members'
        {%- else -%}
        'it refers to {{ edge.neighbour }}, which is held'
        {%- endif %} as reason
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        segment_id,
        segment_id as root_id,
        false as is_through_peers,
        '' as reason
    from registry
    where 1 = 0
    {%- endfor %}
),

inherited as (
    select
        holding.segment_id,
        min(holding.reason) as inherited_reason
    from holding
    inner join self_judged on holding.root_id = self_judged.segment_id
    where self_judged.is_held and (not holding.is_through_peers or self_judged.published_before_count > 0)
    group by holding.segment_id
),

concluded as (
    select
        self_judged.*,
        concat_ws(
            '; ',
            nullif(self_judged.firm_reasons, ''),
            case when self_judged.released_by is null then nullif(self_judged.liftable_reasons, '') end,
            case when self_judged.is_evaluated then inherited.inherited_reason end
        ) as reasons
    from self_judged
    left join inherited on self_judged.segment_id = inherited.segment_id
),

final as (
    select
        '{{ run_id() }}' as run_id,
        {{ as_of() }} as as_of,
        segment_id,
        entity,
        case when reasons = '' then 'publish' else 'hold' end as verdict,
        reasons,
        case when released_by is not null then nullif(liftable_reasons, '') end as lifted_reasons,
        case when liftable_reasons <> '' then released_by end as released_by,
        is_evaluated,
        is_audited,
        member_count,
        case when reasons = '' then member_count else published_before_count end as published_count,
        entity_count,
        previous_count,
        entered_count,
        left_count,
        moved_in_count,
        moved_out_count,
        definition_version,
        previous_definition_version,
        previous_as_of,
        timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as run_started_at
    from concluded
)

{{ select_contract('final') }}
