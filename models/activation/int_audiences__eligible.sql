{%- set caps = frequency_caps() -%}
{%- set windows = [] -%}
{%- for channel, cap in caps.items() -%}
    {%- do windows.append("(channel = '" ~ channel ~ "' and " ~ within_last('contacted_at', cap.days) ~ ")") -%}
{%- endfor -%}

with candidates as (
    select * from {{ ref('int_audiences__candidates') }}
),

consents as (
    select * from {{ ref('consent_current') }}
),

suppressed as (
    select * from {{ ref('suppression') }}
),

held_out as (
    select * from {{ ref('global_holdout') }}
),

contacts as (
    select * from {{ ref('int_audiences__contacts') }}
),

-- The first thing that keeps a member out: what the customer may expect of us before what we decide.
allowed as (
    select
        candidates.*,
        case
            when not candidates.is_known then 'unknown'
            when suppressed.customer_id is not null then 'suppressed'
            when candidates.channel <> 'none' and coalesce(consents.status, 'unknown') <> 'granted' then 'no_consent'
            when not candidates.has_identifier then 'no_identifier'
            when candidates.channel <> 'none' and held_out.customer_id is not null then 'global_holdout'
        end as reason,
        case
            when not candidates.is_known then 'not in the customer 360'
            when suppressed.customer_id is not null then suppressed.reason
            when candidates.channel <> 'none' and coalesce(consents.status, 'unknown') <> 'granted'
                then 'consent ' || coalesce(consents.status, 'unknown')
        end as detail
    from candidates
    left join suppressed
        on candidates.entity_key = suppressed.customer_id and candidates.channel = suppressed.channel
    left join consents on candidates.entity_key = consents.customer_id and candidates.channel = consents.channel
    left join held_out on candidates.entity_key = held_out.customer_id
),

recent as (
    select
        customer_id,
        channel,
        count(*) as contact_count
    from contacts
    where {{ windows | join(' or ') or 'false' }}
    group by customer_id, channel
),

held as (
    select distinct
        audience_name,
        customer_id
    from contacts
    where is_held
),

-- Whom an audience would contact anew takes turns with the other audiences of the refresh, in the order of their names.
turns as (
    select
        allowed.audience_name,
        allowed.entity_key,
        coalesce(recent.contact_count, 0)
        + row_number() over (partition by allowed.entity_key, allowed.channel order by allowed.audience_name)
            as contact_number
    from allowed
    left join held on allowed.audience_name = held.audience_name and allowed.entity_key = held.customer_id
    left join recent on allowed.entity_key = recent.customer_id and allowed.channel = recent.channel
    where allowed.reason is null and allowed.is_capped and held.customer_id is null
),

capped as (
    select
        allowed.*,
        turns.contact_number > case allowed.channel
            {%- for channel, cap in caps.items() %}
            when '{{ channel }}' then {{ cap.contacts }}
            {%- else %}
            when 'none' then 0
            {%- endfor %}
        end as is_over_cap
    from allowed
    left join turns on allowed.audience_name = turns.audience_name and allowed.entity_key = turns.entity_key
),

ranked as (
    select
        capped.*,
        row_number() over (
            partition by capped.audience_name, capped.reason, coalesce(capped.is_over_cap, false)
            order by capped.position
        ) as place
    from capped
)

select
    audience_name,
    segment_id,
    entity,
    channel,
    experiment_id,
    entity_key,
    entered_at,
    case when reason is null and not coalesce(is_over_cap, false) and place <= coalesce(limit_to, place) then place end
        as rank_in_audience,
    case
        when reason is not null then reason
        when is_over_cap then 'frequency_cap'
        when place > limit_to then 'below_limit'
    end as reason,
    detail
from ranked
