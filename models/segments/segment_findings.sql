{%- set bound = var('nearly_identical_overlap') %}
{#- The overlap of segments of a few members says nothing. #}
{%- set smallest_compared = 10 %}
{%- set used = audience_segments() %}

with registry as (
    select * from {{ ref('segment_registry') }}
),

verdicts as (
    select * from {{ ref('segment_verdicts') }}
    where run_id = '{{ run_id() }}'
),

ever_published as (
    select distinct segment_id
    from {{ ref('segment_verdicts') }}
    where verdict = 'publish'
),

sizes as (
    select
        segment_id,
        entity,
        count(*) as member_count
    from {{ ref('segment_membership') }}
    group by segment_id, entity
),

-- Only segments of nearly one size can be nearly identical: the others need not be compared.
comparable as (
    select
        one.segment_id,
        other.segment_id as other_segment_id,
        one.member_count,
        other.member_count as other_member_count
    from sizes as one
    inner join sizes as other on one.entity = other.entity and one.segment_id < other.segment_id
    where
        least(one.member_count, other.member_count) >= {{ bound }} * greatest(one.member_count, other.member_count)
        and greatest(one.member_count, other.member_count) >= {{ smallest_compared }}
),

shared as (
    select
        comparable.segment_id,
        comparable.other_segment_id,
        comparable.member_count,
        comparable.other_member_count,
        count(*) as shared_count
    from comparable
    inner join {{ ref('segment_membership') }} as members on comparable.segment_id = members.segment_id
    inner join {{ ref('segment_membership') }} as other_members
        on comparable.other_segment_id = other_members.segment_id and members.entity_id = other_members.entity_id
    group by
        comparable.segment_id, comparable.other_segment_id, comparable.member_count, comparable.other_member_count
),

measured as (
    select
        *,
        cast(
            cast(shared_count as decimal(18, 6)) / (member_count + other_member_count - shared_count)
            as decimal(18, 6)
        ) as shared_share
    from shared
),

nearly_identical as (
    select
        segment_id,
        other_segment_id,
        shared_share
    from measured
    where shared_share >= {{ bound }}
    union all
    select
        other_segment_id as segment_id,
        segment_id as other_segment_id,
        shared_share
    from measured
    where shared_share >= {{ bound }}
),

findings as (
    select
        registry.segment_id,
        'too_small' as finding,
        verdicts.member_count || ' members, fewer than the minimum of ' || registry.min_size as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(verdicts.member_count as decimal(18, 6)) as value
    from registry
    inner join verdicts on registry.segment_id = verdicts.segment_id
    where verdicts.is_evaluated and verdicts.member_count < registry.min_size

    union all

    select
        registry.segment_id,
        'too_large' as finding,
        verdicts.member_count || ' of ' || verdicts.entity_count || ' ' || registry.entity
        || 's, more than the largest share of ' || cast(100 * registry.max_share as decimal(9, 1)) || '%' as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(verdicts.member_count as decimal(18, 6)) as value
    from registry
    inner join verdicts on registry.segment_id = verdicts.segment_id
    where verdicts.is_evaluated and verdicts.member_count > registry.max_share * verdicts.entity_count

    union all

    select
        segment_id,
        'nearly_identical' as finding,
        cast(100 * shared_share as decimal(9, 1)) || '% of the members of either are in both' as detail,
        other_segment_id,
        shared_share as value
    from nearly_identical

    union all

    select
        registry.segment_id,
        'unused' as finding,
        'no audience is made of it' as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(null as decimal(18, 6)) as value
    from registry
    {%- if used %}
    where registry.segment_id not in ('{{ used | join("', '") }}')
    {%- endif %}

    union all

    select
        segment_id,
        'review_due' as finding,
        'was to be reviewed by ' || review_by as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(cast(cast({{ as_of() }} as date) - review_by as integer) as decimal(18, 6)) as value
    from registry
    where review_by < cast({{ as_of() }} as date)

    union all

    select
        registry.segment_id,
        'never_published' as finding,
        coalesce(verdicts.reasons, 'not judged yet') as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(null as decimal(18, 6)) as value
    from registry
    left join verdicts on registry.segment_id = verdicts.segment_id
    left join ever_published on registry.segment_id = ever_published.segment_id
    where ever_published.segment_id is null

    union all

    select
        segment_id,
        'override_not_used' as finding,
        'the ' || coalesce(action, 'decision') || ' of ' || coalesce(given_entity_id, given_email, 'nobody')
        || ' by ' || coalesce(decided_by, 'nobody') || ' is not used: ' || problem as detail,
        cast(null as {{ dbt.type_string() }}) as other_segment_id,
        cast(null as decimal(18, 6)) as value
    from {{ ref('segment_overrides') }}
    where problem is not null
)

{{ select_contract('findings') }}
