{{ config(
    materialized='incremental',
    unique_key=['run_id', 'segment_id'],
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

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
        row_number() over (partition by segment_id order by as_of desc, run_started_at desc) as recency
    from {{ this }}
    where verdict = 'publish' and as_of < {{ as_of() }}
),
{%- else -%}
earlier_verdicts as (
    select
        segment_id,
        definition_version,
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

failed_examples as (
    select
        segment_id,
        count(*) as failed_count
    from examples
    where expected <> actual
    group by segment_id
),

-- The columns each rule names, with the 360 they are of. The key of its own entity
-- counts among them.
rule_columns as (
    {%- for definition in segment_definitions().values() %}
    {%- set own_key = [(definition.entity, definition.entity ~ '_id')] %}
    {%- for entity, columns in definition.columns_used.items() %}
    {%- for column in columns %}{% do own_key.append((entity, column)) %}{% endfor %}
    {%- endfor %}
    {%- set outer = loop %}
    {%- for entity, column in own_key | unique %}
    select
        '{{ definition.id }}' as segment_id,
        'customer_360.{{ entity }}_360' as relation_name,
        '{{ column }}' as column_name
    {{ 'union all' if not (outer.last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

-- A failed expectation counts against the segment it is about. One about a 360 counts
-- against the segments whose rules name one of its columns; without a column it is about
-- the whole relation, and counts against every segment that reads it.
failures_by_segment as (
    select distinct
        results.segment_id,
        results.suite,
        results.expectation_type,
        results.column_name,
        results.exception_message
    from expectation_results as results
    where not results.is_success and results.severity = 'critical' and results.segment_id is not null

    union

    select distinct
        rule_columns.segment_id,
        results.suite,
        results.expectation_type,
        results.column_name,
        results.exception_message
    from expectation_results as results
    inner join rule_columns
        on results.relation_name = rule_columns.relation_name
        and (
            results.column_name is null
            or ',' || results.column_name || ',' like '%,' || rule_columns.column_name || ',%'
        )
    where not results.is_success and results.severity = 'critical' and results.segment_id is null
),

failed_expectations as (
    select
        segment_id,
        count(*) as failed_count,
        min(
            suite || ': ' || expectation_type
            || coalesce(' on ' || column_name, '')
            || coalesce(' (' || exception_message || ')', '')
        ) as first_failed
    from failures_by_segment
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
        populations.entity_count,
        coalesce(sizes.member_count, 0) as member_count,
        coalesce(sizes.surplus_count, 0) as surplus_count,
        coalesce(movements.previous_count, 0) as previous_count,
        coalesce(members_published.published_count, 0) as published_before_count,
        coalesce(movements.entered_count, 0) as entered_count,
        coalesce(movements.left_count, 0) as left_count,
        coalesce(failed_examples.failed_count, 0) as failed_example_count,
        coalesce(failed_expectations.failed_count, 0) as failed_expectation_count,
        failed_expectations.first_failed,
        audited.segment_id is not null as is_audited
    from registry
    inner join populations on registry.entity = populations.entity
    left join sizes on registry.segment_id = sizes.segment_id
    left join movements on registry.segment_id = movements.segment_id
    left join members_published on registry.segment_id = members_published.segment_id
    left join failed_examples on registry.segment_id = failed_examples.segment_id
    left join failed_expectations on registry.segment_id = failed_expectations.segment_id
    left join audited on registry.segment_id = audited.segment_id
    left join earlier_verdicts
        on registry.segment_id = earlier_verdicts.segment_id and earlier_verdicts.recency = 1
),

judged as (
    select
        *,
        case
            when not is_evaluated then not_evaluated_reason
            else
                concat_ws(
                    '; ',
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
                        when surplus_count > 0 then surplus_count || ' members have no id or occur more than once'
                    end,
                    case
                        when failed_example_count > 0
                            then failed_example_count || ' boundary examples of the definition fail'
                    end,
                    case
                        when failed_expectation_count > 0
                            then failed_expectation_count || ' expectations failed, among them ' || first_failed
                    end
                    {%- if not may_publish_unaudited() %},
                    case
                        when not is_audited then 'the run was not audited'
                    end
                    {%- endif %}
                )
        end as reasons
    from measured
),

final as (
    select
        '{{ run_id() }}' as run_id,
        {{ as_of() }} as as_of,
        segment_id,
        entity,
        case when reasons = '' then 'publish' else 'hold' end as verdict,
        reasons,
        is_evaluated,
        is_audited,
        member_count,
        case when reasons = '' then member_count else published_before_count end as published_count,
        entity_count,
        previous_count,
        entered_count,
        left_count,
        definition_version,
        previous_definition_version,
        timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as run_started_at
    from judged
)

{{ select_contract('final') }}
